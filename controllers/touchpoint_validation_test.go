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
})
