package ir_test

import (
	"slices"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

const publicKey = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="

// calledBundle is a sound bundle with one callback.
func calledBundle() *ir.Bundle {
	return &ir.Bundle{
		Schema: ir.Schema, Namespace: "marketing", Workload: "Deployment/mailer", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 30000,
		Purposes: []ir.Purpose{{Name: "newsletter", Controller: "shop", Objection: ir.ObjectionDirectMarketing}},
		Callbacks: []ir.Callback{{
			Policy: "marketing/mailer/events", Service: "marketing/mail", Name: "events", Port: 8080, Path: "/hooks/mail", Methods: []string{"POST"},
			Signature: ir.Signature{Type: ir.SignatureSendGrid, PublicKeys: []string{publicKey}, ToleranceSeconds: 60},
			Body: &ir.Message{Records: &ir.Records{
				Each: "/*", Identifier: "/email", Identifies: ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain},
			}},
			ID: "/id", Kind: "/event", Mode: ir.ModeEnforce,
			Kinds: []ir.RecordKind{{Name: "open", In: []string{"open"}, Processing: []ir.Processing{ir.ProcessingCollect}, Purpose: "newsletter", OnMissing: ir.OnMissingDropRecord}},
			Events: []ir.Told{{
				When: []ir.RecordCondition{{Pointer: "/event", In: []string{"unsubscribe"}}}, Controller: "shop", Type: consent.EventWithdrawn, Purpose: "newsletter",
			}},
		}},
	}
}

func TestWhatABundleWithCallbacksMayNotSay(t *testing.T) {
	b := calledBundle()
	if _, err := ir.Encode(b); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(b.Critical, "callbacks") {
		t.Error("a sidecar that knows no callbacks would take the bundle and let them pass")
	}
	hmac := func(s ir.Signature) func(*ir.Callback) {
		return func(c *ir.Callback) { c.Signature = s }
	}
	for name, change := range map[string]func(*ir.Callback){
		"no port":                      func(c *ir.Callback) { c.Port = 0 },
		"a path with two spellings":    func(c *ir.Callback) { c.Path = "/hooks/%6dail" },
		"a path with dots":             func(c *ir.Callback) { c.Path = "/hooks/../mail" },
		"a path with an empty segment": func(c *ir.Callback) { c.Path = "/hooks//mail" },
		"a path with a parameter":      func(c *ir.Callback) { c.Path = "/hooks/{id}" },
		"no method":                    func(c *ir.Callback) { c.Methods = nil },
		"no mode":                      func(c *ir.Callback) { c.Mode = "" },
		"no signature":                 func(c *ir.Callback) { c.Signature = ir.Signature{} },
		"a signature by nobody":        func(c *ir.Callback) { c.Signature.PublicKeys = nil },
		"a key that is none":           func(c *ir.Callback) { c.Signature.PublicKeys = []string{"AAAA"} },
		"no tolerance":                 func(c *ir.Callback) { c.Signature.ToleranceSeconds = 0 },
		"an HMAC without a key":        hmac(ir.Signature{Type: ir.SignatureHMAC, Header: "X", Encoding: ir.EncodingHex}),
		"an HMAC in no header":         hmac(ir.Signature{Type: ir.SignatureHMAC, Key: "k", Encoding: ir.EncodingHex}),
		"an HMAC in no encoding":       hmac(ir.Signature{Type: ir.SignatureHMAC, Key: "k", Header: "X"}),
		"an HMAC of no body":           hmac(ir.Signature{Type: ir.SignatureHMAC, Key: "k", Header: "X", Encoding: ir.EncodingHex, Text: "body"}),
		"an HMAC of a time that is not there": hmac(ir.Signature{
			Type: ir.SignatureHMAC, Key: "k", Header: "X", Encoding: ir.EncodingHex, Text: "{timestamp}.{body}",
		}),
		"an HMAC whose time is not signed": hmac(ir.Signature{
			Type: ir.SignatureHMAC, Key: "k", Header: "X", Encoding: ir.EncodingHex, Text: "{body}", ToleranceSeconds: 1, Timestamp: &ir.SignedTime{Header: "Y"},
		}),
		"no records":                     func(c *ir.Callback) { c.Body.Records = nil },
		"a table":                        func(c *ir.Callback) { c.Body.Format = ir.FormatCSV },
		"people outside of records":      func(c *ir.Callback) { c.Body.Fields = []ir.Field{{Pointer: "/owner", Category: "pd:Name"}} },
		"records about nobody":           func(c *ir.Callback) { c.Body.Records.Identifier = "" },
		"an id in a list":                func(c *ir.Callback) { c.ID = "/ids/*" },
		"a kind of an unknown purpose":   func(c *ir.Callback) { c.Kinds[0].Purpose = "sale" },
		"a kind that does nothing":       func(c *ir.Callback) { c.Kinds[0].Processing = nil },
		"a kind that denies":             func(c *ir.Callback) { c.Kinds[0].OnMissing = ir.OnMissingDeny },
		"two kinds of one value":         func(c *ir.Callback) { c.Kinds = append(c.Kinds, c.Kinds[0]) },
		"kinds that nothing tells apart": func(c *ir.Callback) { c.Kind = "" },
		"an event that permits":          func(c *ir.Callback) { c.Events[0].Type = consent.EventGiven },
		"an event that lifts":            func(c *ir.Callback) { c.Events[0].Type = consent.EventObjectionLifted },
		"an event about no purpose":      func(c *ir.Callback) { c.Events[0].Purpose = "" },
		"an event for an unknown one":    func(c *ir.Callback) { c.Events[0].Purpose = "sale" },
		"an event for nobody":            func(c *ir.Callback) { c.Events[0].Controller = "" },
		"an event on no condition's ground": func(c *ir.Callback) {
			c.Events[0].When = []ir.RecordCondition{{Pointer: "/event"}}
		},
		"an objection to everything by a channel": func(c *ir.Callback) {
			c.Events[0] = ir.Told{When: c.Events[0].When, Controller: "shop", Type: consent.EventObjected, Scope: consent.ScopeAll, Channel: consent.ChannelEmail}
		},
		"an objection without a scope": func(c *ir.Callback) { c.Events[0].Type = consent.EventObjected },
	} {
		t.Run(name, func(t *testing.T) {
			b := calledBundle()
			change(&b.Callbacks[0])
			if _, err := ir.Encode(b); err == nil {
				t.Error("it is sound")
			}
			// What is blocked has to be encoded all the same, but for where it is.
			if c := &b.Callbacks[0]; c.Port != 0 && ir.LiteralPath(c.Path) && c.Mode != "" {
				c.Blocked = "ENDPOINT_UNKNOWN"
				if _, err := ir.Encode(b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	b = calledBundle()
	b.Callbacks = append(b.Callbacks, b.Callbacks[0])
	if _, err := ir.Encode(b); err == nil {
		t.Error("two callbacks have one place")
	}
}
