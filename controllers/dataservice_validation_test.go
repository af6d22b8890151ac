package controllers

var _ = validation("DataService", `
metadata: {name: mail}
spec:
  hosts: [api.esp.example]
  ports: [{port: 80, protocol: HTTP}]
  party: {role: Processor}
`, []rule{
	{
		sentence: "a host is a name", message: "a host is a name in lower case",
		accepted: `{spec: {hosts: [api.esp.example, api-2.esp]}}`,
		refused:  `{spec: {hosts: ["api.esp.example:443"]}}`,
	},
	{
		sentence: "a host is listed once", message: "a host is listed twice",
		accepted: `{spec: {hosts: [a.example, b.example]}}`,
		refused:  `{spec: {hosts: [a.example, b.example, a.example]}}`,
	},
	{
		sentence: "authorities are certificates", message: "a private key does not belong here",
		accepted: `{spec: {authorities: "-----BEGIN CERTIFICATE-----"}}`,
		refused:  `{spec: {authorities: "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----"}}`,
	},
	{
		sentence: "whoever is no processor has a name", message: "a controller or joint controller has to be named",
		accepted: `{spec: {party: {role: JointController, name: Brieftaube Ads GmbH}}}`,
		refused:  `{spec: {party: {role: JointController}}}`,
	},
	{
		sentence: "workloads are named or selected", message: "say which workloads are the service",
		accepted: `{spec: {workloads: {targetRefs: [{kind: Deployment, name: crm}]}}}`,
		refused:  `{spec: {workloads: {ports: [{port: 80, targetPort: 8080}]}}}`,
	},
	{
		sentence: "ports of workloads are those of the service", message: "workloads.ports names a port that is not among ports",
		accepted: `{spec: {workloads: {selector: {matchLabels: {app: crm}}, ports: [{port: 80, targetPort: 8080}]}}}`,
		refused:  `{spec: {workloads: {selector: {matchLabels: {app: crm}}, ports: [{port: 81, targetPort: 8080}]}}}`,
	},
	{
		sentence: "access is closed to pods that labels tell", message: "access GovernedOnly needs workloads.selector",
		accepted: `{spec: {access: GovernedOnly, workloads: {selector: {matchLabels: {app: crm}}}}}`,
		refused:  `{spec: {access: GovernedOnly, workloads: {targetRefs: [{kind: Deployment, name: crm}]}}}`,
	},
	{
		sentence: "an endpoint without personal data does nothing with it", message: "an endpoint with personalData None has no processing",
		accepted: `{spec: {endpoints: [{name: a, methods: [GET], path: /a, personalData: None, query: [{name: page}]}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [GET], path: /a, personalData: None, query: [{name: mail, person: {type: email}}]}]}}`,
	},
	{
		sentence: "an endpoint with personal data says what it does", message: "say in processing what the endpoint does",
		accepted: `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show]}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [GET], path: /a}]}}`,
	},
	{
		sentence: "an endpoint that sends names its channel", message: "an endpoint that sends has to say how",
		accepted: `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [send], channel: sms}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [send]}]}}`,
	},
	{
		sentence: "a path has whole segments in braces", message: "a path starts with a slash",
		accepted: `{spec: {endpoints: [{name: a, methods: [GET], path: "/v1/customers/{id}/orders", processing: [show]}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [GET], path: "/v1/customers/c-{id}", processing: [show]}]}}`,
	},
	{
		sentence: "a pointer starts with a slash and escapes tildes", message: "for example /customers/*/email; write ~1",
		accepted: `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {totals: ["/a~1b/*/c~0"]}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {totals: ["/a~2b"]}}]}}`,
	},
	{
		sentence: "categories carry their prefix", message: "a data category is a term with its prefix",
		accepted: `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {fields: [{pointer: /name, category: "pd:Name"}]}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {fields: [{pointer: /name, category: "x:Name"}]}}]}}`,
	},
	{
		sentence: "each addressee is an element of a list", message: "each is the pointer of one addressee",
		accepted: `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {addressees: [{type: email, each: "/to/*"}]}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {addressees: [{type: email, each: /to}]}}]}}`,
	},
	{
		sentence: "the unit of an addressee is around it", message: "unit is a part of each",
		accepted: `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {addressees: [{type: email, each: "/p/*/to/*", unit: "/p/*"}]}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {addressees: [{type: email, each: "/p/*/to/*", unit: "/q/*"}]}}]}}`,
	},
	{
		sentence: "an addressee has one identifier", message: "identifier is one value within the addressee",
		accepted: `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {addressees: [{type: email, each: "/to/*", identifier: /email}]}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {addressees: [{type: email, each: "/to/*", identifier: "/emails/*"}]}}]}}`,
	},
	{
		sentence: "each record is an element of a list", message: "each is the pointer of one record",
		accepted: `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {records: {type: email, each: "/c/*", identifier: /email}}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {records: {type: email, each: /c, identifier: /email}}}]}}`,
	},
	{
		sentence: "a record has one identifier", message: "identifier is one value within the record",
		accepted: `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {records: {type: email, identifier: /contact/email}}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {records: {type: email, identifier: "/emails/*"}}}]}}`,
	},
	{
		sentence: "the mode Originate names the service's port", message: "mode Originate needs the service's TLS port",
		accepted: `{spec: {ports: [{port: 80, protocol: HTTP, tls: {mode: Originate, port: 443}}]}}`,
		refused:  `{spec: {ports: [{port: 80, protocol: HTTP, tls: {mode: Originate}}]}}`,
	},
	{
		sentence: "TLS is begun where there is none", message: "tls mode Originate is for protocol HTTP",
		accepted: `{spec: {ports: [{port: 443, protocol: HTTPS, tls: {mode: Intercept}}]}}`,
		refused:  `{spec: {ports: [{port: 80, protocol: HTTP, tls: {mode: Intercept}}]}}`,
	},
	{
		sentence: "a country is a code", message: "a country is an ISO 3166-1 code",
		accepted: `{spec: {party: {role: Processor, transfer: {country: US, basis: Adequacy}}}}`,
		refused:  `{spec: {party: {role: Processor, transfer: {country: us, basis: Adequacy}}}}`,
	},
	{
		sentence: "a switch is one value", message: "a switch is one value of the request",
		accepted: `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {switches: [{tracking: OpenTracking, pointer: /track, offValue: "false", processing: [track]}]}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {switches: [{tracking: OpenTracking, pointer: "/list/*/track", offValue: "false", processing: [track]}]}}]}}`,
	},
	{
		sentence: "values that show something stand somewhere", message: "in lists values of what stands at pointer",
		accepted: `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], fulfils: [{obligation: anonymise, pointer: /figures, in: ["true"]}]}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], fulfils: [{obligation: anonymise, in: ["true"]}]}]}}`,
	},
	{
		sentence: "a pointer from the root is empty or starts with a slash", message: "and is empty for the whole body",
		accepted: `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {notPersonal: [/b]}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {notPersonal: [b]}}]}}`,
	},
	{
		sentence: "a body of which nothing is personal is declared by that alone", message: "an empty pointer in notPersonal says",
		accepted: `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {notPersonal: [""]}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {notPersonal: ["", /b]}}]}}`,
	},
	{
		sentence: "switches are in one document", message: "switches work in JSON and Form only",
		accepted: `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {format: Form, switches: [{tracking: OpenTracking, pointer: /track, offValue: "false", processing: [track]}]}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {format: CSV, switches: [{tracking: OpenTracking, pointer: /track, offValue: "false", processing: [track]}]}}]}}`,
	},
	{
		sentence: "addressees of a table are its rows", message: "in CSV every row is one addressee",
		accepted: `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {format: CSV, addressees: [{type: email, each: "/*", identifier: /email}]}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {format: CSV, addressees: [{type: email, each: "/rows/*", identifier: /email}]}}]}}`,
	},
	{
		sentence: "addressees of lines are in lines", message: "let each begin with it, for example /* or",
		accepted: `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {format: NDJSON, addressees: [{type: email, each: "/*/to/*"}]}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {format: NDJSON, addressees: [{type: email, each: "/to/*"}]}}]}}`,
	},
	{
		sentence: "addressees of a form are values of one name, or the form", message: "in a form addressees are the values of one name",
		accepted: `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {format: Form, addressees: [{type: email, identifier: /email}, {type: email, each: "/to/*"}]}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [POST], path: /a, processing: [show], request: {format: Form, addressees: [{type: email, each: "/to/*", identifier: /email}]}}]}}`,
	},
	{
		sentence: "records of a table are its rows", message: "in CSV every row is one record",
		accepted: `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {format: CSV, records: {type: email, each: "/*", identifier: /email}}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {format: CSV, records: {type: email, each: "/*", identifier: /email}, notPersonal: [/total]}}]}}`,
	},
	{
		sentence: "records of events are in events", message: "/* stands for every line or event",
		accepted: `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {format: EventStream, records: {type: email, each: "/*/people/*", identifier: /email}}}]}}`,
		refused:  `{spec: {endpoints: [{name: a, methods: [GET], path: /a, processing: [show], response: {format: EventStream, records: {type: email, identifier: /email}}}]}}`,
	},
	{
		sentence: "the type Header names its header", message: "type Header needs the name of the header",
		accepted: `{spec: {credential: {secretRef: {name: mail, key: key}, header: api-key, prefix: "Key "}}}`,
		refused:  `{spec: {credential: {secretRef: {name: mail, key: key}}}}`,
	},
	{
		sentence: "a prefix stands in a header", message: "prefix is for type Header",
		accepted: `{spec: {credential: {type: Bearer, secretRef: {name: mail, key: key}}}}`,
		refused:  `{spec: {credential: {type: Bearer, secretRef: {name: mail, key: key}, prefix: "Bearer "}}}`,
	},
	{
		sentence: "the type Query names its parameter", message: "type Query needs the name of the parameter",
		accepted: `{spec: {credential: {type: Query, secretRef: {name: mail, key: key}, query: api_key}}}`,
		refused:  `{spec: {credential: {type: Query, secretRef: {name: mail, key: key}}}}`,
	},
	{
		sentence: "a user has a password", message: "username is for type Basic",
		accepted: `{spec: {credential: {type: Basic, secretRef: {name: mail, key: key}, username: api, ownCredential: Replace}}}`,
		refused:  `{spec: {credential: {type: Bearer, secretRef: {name: mail, key: key}, username: api}}}`,
	},
	{
		sentence: "tokens come from somewhere", message: "type OAuth2ClientCredentials needs oauth2",
		accepted: `{spec: {credential: {type: OAuth2ClientCredentials, secretRef: {name: mail, key: key}, oauth2: {tokenURL: "https://login.esp.example/oauth/token", clientID: shop, scopes: ["mail.send"]}}}}`,
		refused:  `{spec: {credential: {type: OAuth2ClientCredentials, secretRef: {name: mail, key: key}}}}`,
	},
	{
		sentence: "a credential replaces nothing that HTTP needs", message: "header carries something else in HTTP",
		accepted: `{spec: {credential: {secretRef: {name: mail, key: key}, header: Authorization}}}`,
		refused:  `{spec: {credential: {secretRef: {name: mail, key: key}, header: Content-Length}}}`,
	},
	{
		sentence: "a client has one name", message: "name the client in clientID, or where its name is kept",
		accepted: `{spec: {credential: {type: OAuth2ClientCredentials, secretRef: {name: mail, key: key}, oauth2: {tokenURL: "https://login.esp.example:8443/t?tenant=1", clientIDRef: {name: mail, key: id}}}}}`,
		refused:  `{spec: {credential: {type: OAuth2ClientCredentials, secretRef: {name: mail, key: key}, oauth2: {tokenURL: "https://login.esp.example/t", clientID: shop, clientIDRef: {name: mail, key: id}}}}}`,
	},
	{
		sentence: "authorities of a token endpoint are certificates", message: "authorities of a token endpoint are certificates",
		accepted: `{spec: {credential: {type: OAuth2ClientCredentials, secretRef: {name: mail, key: key}, oauth2: {tokenURL: "https://login.esp.example", clientID: shop, authorities: "-----BEGIN CERTIFICATE-----"}}}}`,
		refused:  `{spec: {credential: {type: OAuth2ClientCredentials, secretRef: {name: mail, key: key}, oauth2: {tokenURL: "https://login.esp.example", clientID: shop, authorities: "our own"}}}}`,
	},
	{
		sentence: "tokens are asked for over TLS", message: "tokenURL is an https URL",
		accepted: `{spec: {credential: {type: OAuth2ClientCredentials, secretRef: {name: mail, key: key}, oauth2: {tokenURL: "https://login.esp.example", clientID: shop}}}}`,
		refused:  `{spec: {credential: {type: OAuth2ClientCredentials, secretRef: {name: mail, key: key}, oauth2: {tokenURL: "http://login.esp.example/t", clientID: shop}}}}`,
	},
})
