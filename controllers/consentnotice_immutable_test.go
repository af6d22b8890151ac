package controllers

var _ = validation("ConsentNotice", `
metadata: {name: newsletter-v1}
spec:
  controller: Gartenhaus Grün GmbH
  series: newsletter
  version: 1
  texts: [{language: en, text: I would like to receive news by e-mail.}]
  covers: {purposes: [newsletter], processing: [send], channels: [email]}
`, []rule{
	{
		sentence: "what people agreed to stays as it is, and may be labelled", message: "a notice never changes",
		was:      `{}`,
		accepted: `{metadata: {labels: {team: dpo}}}`,
		refused:  `{spec: {covers: {purposes: [newsletter, profile]}}}`,
	},
	{
		sentence: "special categories carry their prefix", message: "a data category is a term with its prefix",
		accepted: `{spec: {covers: {dataCategories: ["pd:MedicalHealth"]}}}`,
		refused:  `{spec: {covers: {dataCategories: [Health]}}}`,
	},
	{
		sentence: "a country is a code", message: "a country is an ISO 3166-1 code",
		accepted: `{spec: {covers: {transfers: [US, CH]}}}`,
		refused:  `{spec: {covers: {transfers: [Us]}}}`,
	},
})
