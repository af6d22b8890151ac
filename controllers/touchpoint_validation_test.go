package controllers

var _ = validation("Touchpoint", `
metadata: {name: form}
spec:
  place: WebForm
  controller: Gartenhaus Grün GmbH
  optIn: [newsletter-v1]
`, []rule{
	{
		sentence: "a step offers something more", message: "a step of the ladder offers what optIn offers already",
		accepted: `{spec: {ladder: [{notice: profile-v1, after: [newsletter-v1]}]}}`,
		refused:  `{spec: {ladder: [{notice: profile-v1}, {notice: newsletter-v1}]}}`,
	},
	{
		sentence: "a form of somebody else names somebody", message: "a form that names nobody can agree to nothing",
		accepted: `{spec: {intake: {email: /email, purposes: [{notice: newsletter-v1, purpose: newsletter, pointer: /news}]}}}`,
		refused:  `{spec: {intake: {language: /lang, purposes: [{notice: newsletter-v1, purpose: newsletter, pointer: /news}]}}}`,
	},
	{
		sentence: "a form of somebody else is read by pointers", message: "a JSON pointer starts with a slash",
		accepted: `{spec: {intake: {email: /lead/email, purposes: [{notice: newsletter-v1, purpose: newsletter, pointer: /news}]}}}`,
		refused:  `{spec: {intake: {email: lead.email, purposes: [{notice: newsletter-v1, purpose: newsletter, pointer: /news}]}}}`,
	},
	{
		sentence: "a form of somebody else asks for what is offered", message: "the intake names a notice that the touchpoint does not offer",
		accepted: `{spec: {ladder: [{notice: profile-v1}], intake: {email: /email, purposes: [{notice: profile-v1, purpose: profile, pointer: /p}]}}}`,
		refused:  `{spec: {intake: {email: /email, purposes: [{notice: profile-v1, purpose: profile, pointer: /p}]}}}`,
	},
})
