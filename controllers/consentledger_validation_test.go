package controllers

var _ = validation("ConsentLedger", `
metadata: {name: main}
spec:
  controller: Gartenhaus Grün GmbH
  storage: {sqlite: {size: 10Gi}}
`, []rule{
	{
		sentence: "the name fits a Service's", message: "the name becomes part of a Service's",
		accepted: `{metadata: {name: a234567890b234567890c234567890d234567890}}`,
		refused:  `{metadata: {name: a234567890b234567890c234567890d2345678901}}`,
	},
	{
		sentence: "a service account is listed once", message: "somebody is listed twice",
		accepted: `{spec: {access: [{serviceAccount: {namespace: shop, name: a}, roles: [Reader, Officer]}, {serviceAccount: {namespace: shop, name: b}, roles: [Reader]}]}}`,
		refused:  `{spec: {access: [{serviceAccount: {namespace: shop, name: a}, roles: [Reader]}, {serviceAccount: {namespace: shop, name: a}, roles: [Officer]}]}}`,
	},
	{
		sentence: "access names one who has it", message: "name one of them: serviceAccount or external",
		accepted: `{spec: {access: [{serviceAccount: {namespace: shop, name: a}, roles: [Reader]}]}}`,
		refused:  `{spec: {access: [{roles: [Reader]}]}}`,
	},
	{
		sentence: "whoever is external is an account or a group", message: "name one of them: subject or group",
		accepted: `{spec: {issuers: [{issuer: "https://id.example.org", audience: optup, groupsClaim: groups}], access: [{external: {issuer: "https://id.example.org", group: dpo}, roles: [Officer]}]}}`,
		refused:  `{spec: {issuers: [{issuer: "https://id.example.org", audience: optup, groupsClaim: groups}], access: [{external: {issuer: "https://id.example.org", group: dpo, subject: u-1}, roles: [Officer]}]}}`,
	},
	{
		sentence: "whoever is external has an issuer", message: "external access needs its issuer in spec.issuers",
		accepted: `{spec: {issuers: [{issuer: "https://id.example.org", audience: optup}], access: [{external: {issuer: "https://id.example.org", subject: u-1}, roles: [Officer]}]}}`,
		refused:  `{spec: {issuers: [{issuer: "https://id.example.org", audience: optup}], access: [{external: {issuer: "https://id.example.org", group: dpo}, roles: [Officer]}]}}`,
	},
	{
		sentence: "it stays with its controller", message: "a ledger cannot pass to another controller",
		was:      `{}`,
		accepted: `{spec: {keyBackup: Confirmed}}`,
		refused:  `{spec: {controller: Somebody Else GmbH}}`,
	},
	{
		sentence: "it is stored in one place", message: "name one storage",
		accepted: `{spec: {storage: {sqlite: null, postgres: {dsnSecretRef: {name: dsn, key: url}, replicas: 3}}}}`,
		refused:  `{spec: {storage: {postgres: {dsnSecretRef: {name: dsn, key: url}}}}}`,
	},
	{
		sentence: "its storage stays", message: "events do not move by themselves",
		was:      `{}`,
		accepted: `{spec: {storage: {sqlite: {size: 20Gi}}}}`,
		refused:  `{spec: {storage: {sqlite: null, postgres: {dsnSecretRef: {name: dsn, key: url}}}}}`,
	},
	{
		sentence: "its pages have a public address", message: "publicURL is https and a host",
		accepted: `{spec: {pages: {publicURL: "https://consent.shop.example:8443"}}}`,
		refused:  `{spec: {pages: {publicURL: "https://shop.example/consent"}}}`,
	},
	{
		sentence: "proxies are networks", message: "proxies are networks",
		accepted: `{spec: {pages: {publicURL: "https://consent.shop.example", proxies: [10.0.0.0/8, "fd00::/8"]}}}`,
		refused:  `{spec: {pages: {publicURL: "https://consent.shop.example", proxies: [10.0.0.1]}}}`,
	},
	{
		sentence: "what is mailed links to its pages", message: "mail needs spec.pages",
		accepted: `{spec: {pages: {publicURL: "https://consent.shop.example"}, mail: {server: "mail.shop.example:587", from: "consent@shop.example"}}}`,
		refused:  `{spec: {mail: {server: "mail.shop.example:587", from: "consent@shop.example"}}}`,
	},
	{
		sentence: "its mail server has a port", message: "server is a host and a port",
		accepted: `{spec: {pages: {publicURL: "https://consent.shop.example"}, mail: {server: "mail.shop.example:465", tls: Implicit, from: "Shop <consent@shop.example>"}}}`,
		refused:  `{spec: {pages: {publicURL: "https://consent.shop.example"}, mail: {server: "mail.shop.example", from: "Shop <consent@shop.example>"}}}`,
	},
	{
		sentence: "mail has one sender", message: "from is one address",
		accepted: `{spec: {pages: {publicURL: "https://consent.shop.example"}, mail: {server: "mail.shop.example:587", from: "Shop <consent@shop.example>"}}}`,
		refused:  `{spec: {pages: {publicURL: "https://consent.shop.example"}, mail: {server: "mail.shop.example:587", from: "Shop"}}}`,
	},
	{
		sentence: "its volume holds something", message: "size is more than nothing",
		accepted: `{spec: {storage: {sqlite: {size: 100M}}}}`,
		refused:  `{spec: {storage: {sqlite: {size: "0"}}}}`,
	},
})
