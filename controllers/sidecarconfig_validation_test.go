package controllers

var _ = validation("SidecarConfig", `
metadata: {name: deployment-mailer-12345678}
spec:
  workload: {kind: Deployment, name: mailer}
  generation: 7
  hash: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  bundle: "{}"
`, []rule{
	{
		sentence: "the generation never goes back", message: "the generation of a published bundle never goes back",
		was:      `{}`,
		accepted: `{spec: {generation: 8}}`,
		refused:  `{spec: {generation: 6}}`,
	},
	{
		sentence: "it stays with its workload", message: "a SidecarConfig belongs to one workload for good",
		was:      `{}`,
		accepted: `{spec: {generation: 8, bundle: "{ }"}}`,
		refused:  `{spec: {generation: 8, workload: {name: another}}}`,
	},
})
