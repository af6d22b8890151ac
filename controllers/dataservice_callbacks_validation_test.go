package controllers

var _ = validation("DataService", `
metadata: {name: calls}
spec:
  hosts: [api.esp.example]
  ports: [{port: 80, protocol: HTTP}]
  party: {role: Processor}
`, []rule{
	{
		sentence: "a header of a callback has a name", message: "the name of a header has letters, digits and dashes only",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: "X Signature", encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
	},
	{
		sentence: "SendGrid signs with a key that it shows", message: "SendGridECDSA needs the verification key",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: SendGridECDSA, publicKeys: ["MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="]}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: SendGridECDSA}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
	},
	{
		sentence: "a shared secret is somewhere, and its signature in a header", message: "HMACSHA256 needs keyRef, header and encoding",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex, prefix: "sha256="}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
	},
	{
		sentence: "what is signed holds the body, and the time that is declared", message: "signedText ends in {body}",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex, timestamp: {header: X-Time}, signedText: "v0:{timestamp}:{body}"}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex, signedText: "{timestamp}.{body}"}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
	},
	{
		sentence: "only a signed time can be too old", message: "a tolerance needs a timestamp that is signed",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex, timestamp: {header: X-Time}, tolerance: 5m}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex, tolerance: 5m}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
	},
	{
		sentence: "a tolerance can be kept", message: "tolerance lies between 1s and 72h",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex, timestamp: {header: X-Time}, tolerance: 72h}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex, timestamp: {header: X-Time}, tolerance: 73h}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
	},
	{
		sentence: "records of a callback are objects", message: "records of a callback are objects",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/data/*", identifier: /email, columns: /names}}, kinds: [{name: all, processing: [collect]}]}]}}`,
	},
	{
		sentence: "records of a callback in lines begin at each line", message: "lines of NDJSON are found by",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {format: NDJSON, records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {format: NDJSON, records: {type: email, each: "/events/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}]}]}}`,
	},
	{
		sentence: "a condition of an event is about one value", message: "a condition is about one value of the record",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}], events: [{when: [{pointer: /event, in: [leaves]}], event: withdrawn, purpose: newsletter}]}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}], events: [{when: [{pointer: "/events/*", in: [leaves]}], event: withdrawn, purpose: newsletter}]}]}}`,
	},
	{
		sentence: "a withdrawal takes back a purpose, an objection has a scope", message: "withdrawn takes back one purpose and has no scope",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}], events: [{when: [{pointer: /event, in: [leaves]}], event: withdrawn, purpose: newsletter}]}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}], events: [{when: [{pointer: /event, in: [leaves]}], event: objected, purpose: newsletter}]}]}}`,
	},
	{
		sentence: "a purpose is objected to with its scope", message: "name the purpose with scope purpose",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}], events: [{when: [{pointer: /event, in: [leaves]}], event: objected, scope: purpose, purpose: newsletter}]}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}], events: [{when: [{pointer: /event, in: [leaves]}], event: objected, scope: all, purpose: newsletter}]}]}}`,
	},
	{
		sentence: "a channel is objected to with its scope", message: "name the channel with scope channel",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}], events: [{when: [{pointer: /event, in: [leaves]}], event: objected, scope: channel, channel: email, controller: Shop GmbH}]}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}], events: [{when: [{pointer: /event, in: [leaves]}], event: objected, scope: all, channel: email, controller: Shop GmbH}]}]}}`,
	},
	{
		sentence: "somebody is told of an objection", message: "name the controller with the scopes all and channel",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}], events: [{when: [{pointer: /event, in: [leaves]}], event: objected, scope: all, controller: Shop GmbH}]}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}], events: [{when: [{pointer: /event, in: [leaves]}], event: objected, scope: all}]}]}}`,
	},
	{
		sentence: "kinds of records are told apart", message: "with kindPointer every kind lists its values in",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: a, in: [open], processing: [collect]}, {name: b, in: [click], processing: [collect]}], kindPointer: /event}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: a, processing: [collect]}, {name: b, processing: [collect]}]}]}}`,
	},
	{
		sentence: "an event has one id", message: "an id is one value of the record",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}], idPointer: /id}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: all, processing: [collect]}], idPointer: "/ids/*"}]}}`,
	},
	{
		sentence: "a record has one kind", message: "a kind is told by one value of the record",
		accepted: `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: a, in: [open], processing: [collect]}], kindPointer: /event}]}}`,
		refused:  `{spec: {callbacks: [{name: a, signature: {type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}, body: {records: {type: email, each: "/*", identifier: /email}}, kinds: [{name: a, in: [open], processing: [collect]}], kindPointer: "/events/*"}]}}`,
	},
})
