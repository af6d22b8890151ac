package controllers

var _ = validation("EnforcementExemption", `
metadata: {name: rescue}
spec:
  namespace: marketing
  targetRefs: [{kind: Deployment, name: mailer}]
  scope: Enforcement
  notBefore: "2026-01-01T00:00:00Z"
  notAfter: "2026-01-02T00:00:00Z"
  reason: The provider changed its API at night.
  approvedBy: Head of security, CHG-1207
`, []rule{
	{
		sentence: "it ends after it begins", message: "notAfter lies after notBefore",
		accepted: `{spec: {notAfter: "2026-01-01T00:00:01Z"}}`,
		refused:  `{spec: {notAfter: "2026-01-01T00:00:00Z"}}`,
	},
	{
		sentence: "it lasts thirty days at most", message: "an exemption lasts 30 days at most",
		accepted: `{spec: {notAfter: "2026-01-31T00:00:00Z"}}`,
		refused:  `{spec: {notAfter: "2026-01-31T00:00:01Z"}}`,
	},
	{
		sentence: "what was approved is what holds", message: "an exemption never changes",
		was:      `{}`,
		accepted: `{metadata: {labels: {team: security}}}`,
		refused:  `{spec: {notAfter: "2026-01-03T00:00:00Z"}}`,
	},
})
