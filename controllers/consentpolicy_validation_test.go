package controllers

var _ = validation("ConsentPolicy", `
metadata: {name: mailer}
spec:
  targetRefs: [{kind: Deployment, name: mailer}]
  rules: [{name: a, purpose: newsletter, service: {name: mail}, endpoints: [send]}]
`, []rule{
	{
		sentence: "the freshness bound can be kept", message: "freshnessBound lies between 5s and 1h",
		accepted: `{spec: {freshnessBound: 5s}}`,
		refused:  `{spec: {freshnessBound: 4999ms}}`,
	},
	{
		sentence: "answering for nobody needs addressees that were dropped", message: "onEmpty AnswerAccepted answers for a request whose addressees were all dropped",
		accepted: `{spec: {rules: [{name: a, purpose: newsletter, service: {name: mail}, endpoints: [send], onMissing: DropAddressee, onEmpty: AnswerAccepted}]}}`,
		refused:  `{spec: {rules: [{name: a, purpose: newsletter, service: {name: mail}, endpoints: [send], onEmpty: AnswerAccepted}]}}`,
	},
	{
		sentence: "a constant in the body is found by a pointer to one value", message: "a JSON pointer to one value",
		accepted: `{spec: {rules: [{name: a, purpose: newsletter, service: {name: mail}, endpoints: [send], when: [{source: Body, name: /template_id, in: [spring]}]}]}}`,
		refused:  `{spec: {rules: [{name: a, purpose: newsletter, service: {name: mail}, endpoints: [send], when: [{source: Body, name: "/templates/*", in: [spring]}]}]}}`,
	},
	{
		sentence: "a constant elsewhere is found by its name", message: "only a constant in the body is named by a JSON pointer",
		accepted: `{spec: {rules: [{name: a, purpose: newsletter, service: {name: mail}, endpoints: [send], when: [{source: Header, name: X-Campaign, in: [spring]}]}]}}`,
		refused:  `{spec: {rules: [{name: a, purpose: newsletter, service: {name: mail}, endpoints: [send], when: [{source: Header, name: /X-Campaign, in: [spring]}]}]}}`,
	},
	{
		sentence: "only what is allowed is listed", message: "action Allow needs the hosts that it allows",
		accepted: `{spec: {ungoverned: {action: Allow, hosts: ["*.svc.cluster.local", 10.0.0.0/8]}}}`,
		refused:  `{spec: {ungoverned: {action: Deny, hosts: [db.internal]}}}`,
	},
	{
		sentence: "one callback arrives at a port and path", message: "two callbacks arrive at one port and path",
		accepted: `{spec: {callbacks: [{name: a, service: {name: mail}, callback: events, port: 8080, path: /a}, {name: b, service: {name: mail}, callback: events, port: 8080, path: /b}]}}`,
		refused:  `{spec: {callbacks: [{name: a, service: {name: mail}, callback: events, port: 8080, path: /a}, {name: b, service: {name: crm}, callback: events, port: 8080, path: /a}]}}`,
	},
	{
		sentence: "the path of a callback has one spelling", message: "a path has plain segments",
		accepted: `{spec: {callbacks: [{name: a, service: {name: mail}, callback: events, port: 8080, path: /hooks/v1.2/send-grid_~}]}}`,
		refused:  `{spec: {callbacks: [{name: a, service: {name: mail}, callback: events, port: 8080, path: /hooks/../send}]}}`,
	},
})
