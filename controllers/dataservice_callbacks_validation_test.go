package controllers

import "strings"

// calls writes a callback for the specs: one that is sound, with some of its members replaced.
func calls(members ...string) string {
	all := map[string]string{
		"signature": `{type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex}`,
		"body":      `{records: {type: email, each: "/*", identifier: /email}}`,
		"kinds":     `[{name: all, processing: [collect]}]`,
	}
	for i := 0; i+1 < len(members); i += 2 {
		all[members[i]] = members[i+1]
	}
	var out []string
	for name, value := range all {
		out = append(out, name+": "+value)
	}
	return "{spec: {callbacks: [{name: a, " + strings.Join(out, ", ") + "}]}}"
}

// tells is a callback with one event.
func tells(event string) string {
	return calls("events", "[{when: [{pointer: /event, in: [leaves]}], "+event+"}]")
}

const publicKey = `"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="`

// signs is a callback with a shared secret that is declared further.
func signs(more string) string {
	return calls("signature", `{type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: X-Signature, encoding: Hex, `+more+`}`)
}

var dataServiceCallbacks = []rule{
	{
		sentence: "a header of a callback has a name", message: "the name of a header has letters, digits and dashes only",
		accepted: calls(),
		refused:  calls("signature", `{type: HMACSHA256, keyRef: {name: hooks, key: mail}, header: "X Signature", encoding: Hex}`),
	},
	{
		sentence: "SendGrid signs with a key that it shows", message: "SendGridECDSA needs the verification key",
		accepted: calls("signature", `{type: SendGridECDSA, publicKeys: [`+publicKey+`]}`),
		refused:  calls("signature", `{type: SendGridECDSA}`),
	},
	{
		sentence: "a shared secret is somewhere, and its signature in a header", message: "HMACSHA256 needs keyRef, header and encoding",
		accepted: signs(`prefix: "sha256="`),
		refused:  calls("signature", `{type: HMACSHA256, header: X-Signature, encoding: Hex}`),
	},
	{
		sentence: "what is signed holds the body, and the time that is declared", message: "signedText ends in {body}",
		accepted: signs(`timestamp: {header: X-Time}, signedText: "v0:{timestamp}:{body}"`),
		refused:  signs(`signedText: "{timestamp}.{body}"`),
	},
	{
		sentence: "only a signed time can be too old", message: "a tolerance needs a timestamp that is signed",
		accepted: signs(`timestamp: {header: X-Time}, tolerance: 5m`),
		refused:  signs(`tolerance: 5m`),
	},
	{
		sentence: "a tolerance can be kept", message: "tolerance lies between 1s and 72h",
		accepted: signs(`timestamp: {header: X-Time}, tolerance: 72h`),
		refused:  signs(`timestamp: {header: X-Time}, tolerance: 73h`),
	},
	{
		sentence: "records of a callback are objects", message: "records of a callback are objects",
		accepted: calls(),
		refused:  calls("body", `{records: {type: email, each: "/data/*", identifier: /email, columns: /names}}`),
	},
	{
		sentence: "records of a callback in lines begin at each line", message: "lines of NDJSON are found by",
		accepted: calls("body", `{format: NDJSON, records: {type: email, each: "/*", identifier: /email}}`),
		refused:  calls("body", `{format: NDJSON, records: {type: email, each: "/events/*", identifier: /email}}`),
	},
	{
		sentence: "a condition of an event is about one value", message: "a condition is about one value of the record",
		accepted: tells("event: withdrawn, purpose: newsletter"),
		refused:  calls("events", `[{when: [{pointer: "/events/*", in: [leaves]}], event: withdrawn, purpose: newsletter}]`),
	},
	{
		sentence: "a withdrawal takes back a purpose, an objection has a scope", message: "withdrawn takes back one purpose and has no scope",
		accepted: tells("event: withdrawn, purpose: newsletter"),
		refused:  tells("event: objected, purpose: newsletter"),
	},
	{
		sentence: "a purpose is objected to with its scope", message: "name the purpose with scope purpose",
		accepted: tells("event: objected, scope: purpose, purpose: newsletter"),
		refused:  tells("event: objected, scope: all, purpose: newsletter"),
	},
	{
		sentence: "a channel is objected to with its scope", message: "name the channel with scope channel",
		accepted: tells("event: objected, scope: channel, channel: email, controller: Shop GmbH"),
		refused:  tells("event: objected, scope: all, channel: email, controller: Shop GmbH"),
	},
	{
		sentence: "somebody is told of an objection", message: "name the controller with the scopes all and channel",
		accepted: tells("event: objected, scope: all, controller: Shop GmbH"),
		refused:  tells("event: objected, scope: all"),
	},
	{
		sentence: "kinds of records are told apart", message: "with kindPointer every kind lists its values in",
		accepted: calls("kindPointer", "/event", "kinds", `[{name: a, in: [open], processing: [collect]}, {name: b, in: [click], processing: [collect]}]`),
		refused:  calls("kinds", `[{name: a, processing: [collect]}, {name: b, processing: [collect]}]`),
	},
	{
		sentence: "an event has one id", message: "an id is one value of the record",
		accepted: calls("idPointer", "/id"),
		refused:  calls("idPointer", `"/ids/*"`),
	},
	{
		sentence: "a record has one kind", message: "a kind is told by one value of the record",
		accepted: calls("kindPointer", "/event", "kinds", `[{name: a, in: [open], processing: [collect]}]`),
		refused:  calls("kindPointer", `"/events/*"`, "kinds", `[{name: a, in: [open], processing: [collect]}]`),
	},
}
