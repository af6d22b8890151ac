package controllers

var _ = validation("DataPurpose", `
metadata: {name: valid}
spec:
  controller: Gartenhaus Grün GmbH
  dpv: dpv:DirectMarketing
  texts: [{language: en, title: Newsletter}]
  legalGrounds: [consent]
  processing: [send]
  channels: [email]
  objection: DirectMarketing
`, []rule{
	{
		sentence: "existingCustomer names its goods", message: "existingCustomer covers own similar goods only",
		accepted: `{spec: {legalGrounds: [existingCustomer], goods: [garden]}}`,
		refused:  `{spec: {legalGrounds: [existingCustomer]}}`,
	},
	{
		sentence: "grounds for advertising take the objection to advertising", message: "existingCustomer and presumedConsent are grounds for advertising",
		accepted: `{spec: {legalGrounds: [presumedConsent], addresseeKinds: [Business], channels: [phone]}}`,
		refused:  `{spec: {legalGrounds: [presumedConsent], addresseeKinds: [Business], channels: [phone], objection: OwnSituation}}`,
	},
	{
		sentence: "a use without consent leaves a right to object", message: "people may object to a use on legitimateInterest or publicTask",
		accepted: `{spec: {legalGrounds: [legitimateInterest], objection: OwnSituation}}`,
		refused:  `{spec: {legalGrounds: [legitimateInterest], objection: None}}`,
	},
	{
		sentence: "special categories stand alone", message: "specialCategoryConsent must be the only one",
		accepted: `{spec: {legalGrounds: [specialCategoryConsent]}}`,
		refused:  `{spec: {legalGrounds: [specialCategoryConsent, consent]}}`,
	},
	{
		sentence: "proof is for grounds that rest on a grant", message: "proof counts for consent and specialCategoryConsent only",
		accepted: `{spec: {proof: [MailboxConfirmed]}}`,
		refused:  `{spec: {proof: [MailboxConfirmed], legalGrounds: [contract]}}`,
	},
	{
		sentence: "an end is for grounds that rest on a grant", message: "validForDays counts for consent and specialCategoryConsent only",
		accepted: `{spec: {validForDays: 365}}`,
		refused:  `{spec: {validForDays: 365, legalGrounds: [contract]}}`,
	},
	{
		sentence: "an end without use is for grounds that rest on a grant", message: "unusedForDays counts for consent and specialCategoryConsent only",
		accepted: `{spec: {unusedForDays: 365}}`,
		refused:  `{spec: {unusedForDays: 365, legalGrounds: [contract]}}`,
	},
	{
		sentence: "a presumption is about businesses", message: "presumedConsent covers businesses only",
		accepted: `{spec: {legalGrounds: [consent, presumedConsent], channels: [phone], addresseeKinds: [Business]}}`,
		refused:  `{spec: {legalGrounds: [consent, presumedConsent], channels: [phone], addresseeKinds: [Business, Consumer]}}`,
	},
	{
		sentence: "existing customers hear of the seller's goods", message: "existingCustomer covers the seller's own goods only",
		accepted: `{spec: {advertisers: [Partner GmbH]}}`,
		refused:  `{spec: {legalGrounds: [existingCustomer], goods: [garden], advertisers: [Partner GmbH]}}`,
	},
	{
		sentence: "a device is accessed on a consent that has a purpose", message: "basis Consent needs the purpose whose grant allows the access",
		accepted: `{spec: {deviceAccess: {basis: Consent, purpose: device-storage}}}`,
		refused:  `{spec: {deviceAccess: {basis: StrictlyNecessary, purpose: device-storage}}}`,
	},
	{
		sentence: "sending needs a channel", message: "a purpose that sends has to say how",
		accepted: `{spec: {processing: [show], channels: null}}`,
		refused:  `{spec: {channels: null}}`,
	},
	{
		sentence: "categories carry their prefix", message: "a data category is a term with its prefix",
		accepted: `{spec: {dataCategories: ["pd:EmailAddress", "optup:Score"]}}`,
		refused:  `{spec: {dataCategories: [EmailAddress]}}`,
	},
	{
		sentence: "nothing is its own parent", message: "a purpose cannot be its own parent",
		accepted: `{spec: {parent: marketing}}`,
		refused:  `{spec: {parent: valid}}`,
	},
})
