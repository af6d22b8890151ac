package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/doors/doorstest"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

func question(id, purpose, more string) string {
	return fmt.Sprintf(`{"subject":{"type":"workload","id":"shop/mailer"},"action":{"name":"send"},"resource":{"type":"email","id":%q},"context":{"purpose":%q,"channel":"email"%s}}`, id, purpose, more)
}

// newAuthzen has ada, who agreed, and bob, who took it back.
func newAuthzen(t *testing.T) *ledgertest.Ledger {
	t.Helper()
	l := ledgertest.New(t)
	l.Bundle.Store(ledgertest.NewBundle("newsletter", "survey"))
	l.Start()
	for _, who := range []string{"ada", "bob"} {
		if status, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/events", eventBody(who+"@example.org", given)); status != 201 {
			t.Fatal(body)
		}
	}
	if status, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/events", eventBody("bob@example.org", `{"type":"withdrawn","purpose":"newsletter"}`)); status != 201 {
		t.Fatal(body)
	}
	return l
}

func TestAuthZEN(t *testing.T) {
	l := newAuthzen(t)
	grant := l.Grant(ledgertest.Sidecar, "pod-1", time.Minute, "newsletter")
	hashed := consent.Derived(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: "ada@example.org"})[0].Value
	for name, c := range map[string]struct {
		subject, grant, body string
		status               int
		decision             bool
		reason               string
	}{
		"whoever agreed may be written to":                     {ledgertest.Sidecar, grant, question("Ada@example.org", "newsletter", ""), 200, true, ""},
		"the hash of the address is the same person":           {ledgertest.Sidecar, grant, strings.Replace(question(hashed, "newsletter", ""), `"id":"`+hashed+`"`, `"id":"`+hashed+`","properties":{"form":"SHA256"}`, 1), 200, true, ""},
		"members that nobody knows are left alone":             {ledgertest.Sidecar, grant, question("ada@example.org", "newsletter", `,"trace":"x"`), 200, true, ""},
		"refused and unknown look the same to a workload, one": {ledgertest.Sidecar, grant, question("bob@example.org", "newsletter", ""), 200, false, "NOT_PERMITTED"},
		"refused and unknown look the same to a workload, two": {ledgertest.Sidecar, grant, question("nobody@example.org", "newsletter", ""), 200, false, "NOT_PERMITTED"},
		"an officer learns why":                                {ledgertest.Officer, "", question("bob@example.org", "newsletter", ""), 200, false, "WITHDRAWN"},
		"a purpose beyond the grant is none":                   {ledgertest.Sidecar, grant, question("ada@example.org", "survey", ""), 200, false, "PURPOSE_UNDECLARED"},
		"a purpose that nobody declared is none":               {ledgertest.Officer, "", question("ada@example.org", "other", ""), 200, false, "PURPOSE_UNDECLARED"},
		"another channel is not covered":                       {ledgertest.Officer, "", strings.Replace(question("ada@example.org", "newsletter", ""), `"channel":"email"`, `"channel":"sms"`, 1), 200, false, "CHANNEL_NOT_COVERED"},
		"whoever sends has a channel":                          {ledgertest.Officer, "", strings.Replace(question("ada@example.org", "newsletter", ""), `,"channel":"email"`, ``, 1), 200, false, "CHANNEL_NOT_COVERED"},
		"another processing is not covered":                    {ledgertest.Officer, "", strings.Replace(question("ada@example.org", "newsletter", ""), `"send"`, `"profile"`, 1), 200, false, "PROCESSING_NOT_COVERED"},
		"data that the purpose does not need is not covered":   {ledgertest.Officer, "", question("ada@example.org", "newsletter", `,"dataCategories":["pd:MedicalHealth"]`), 200, false, "CATEGORY_NOT_COVERED"},
		"another controller does not receive":                  {ledgertest.Officer, "", question("ada@example.org", "newsletter", `,"recipient":{"name":"Ad GmbH","role":"Controller"}`), 200, false, "PARTY_NOT_COVERED"},
		"a transfer on no basis does not happen":               {ledgertest.Officer, "", question("ada@example.org", "newsletter", `,"recipient":{"transfer":{"country":"BR"}}`), 200, false, "TRANSFER_NOT_COVERED"},
		"a transfer that the wording does not name":            {ledgertest.Officer, "", question("ada@example.org", "newsletter", `,"recipient":{"transfer":{"country":"BR","basis":"ExplicitConsent"}}`), 200, false, "RECIPIENT_NOT_NAMED"},
		"a transfer on another basis":                          {ledgertest.Officer, "", question("ada@example.org", "newsletter", `,"recipient":{"transfer":{"country":"JP","basis":"Adequacy"}}`), 200, true, "OK_CONSENT"},
		"a role that nobody knows does not receive":            {ledgertest.Officer, "", question("ada@example.org", "newsletter", `,"recipient":{"name":"Ad GmbH","role":"friend"}`), 200, false, "PARTY_NOT_COVERED"},
		"an identifier that is none is an error":               {ledgertest.Officer, "", question("ada at home", "newsletter", ""), 422, false, ""},
		"an officer learns why somebody may be written to":     {ledgertest.Officer, "", question("ada@example.org", "newsletter", ""), 200, true, "OK_CONSENT"},
		"a question without a purpose has none":                {ledgertest.Officer, "", question("ada@example.org", "", ""), 200, false, "PURPOSE_UNDECLARED"},
		"why nobody may be used is of no person":               {ledgertest.Sidecar, grant, question("ada@example.org", "newsletter", `,"dataCategories":["pd:MedicalHealth"]`), 200, false, "CATEGORY_NOT_COVERED"},
		"a channel that nobody agreed to is of the person":     {ledgertest.Sidecar, grant, strings.Replace(question("ada@example.org", "newsletter", ""), `"channel":"email"`, `"channel":"sms"`, 1), 200, false, "NOT_PERMITTED"},
		"requests to services are for sidecars":                {ledgertest.Officer, "", strings.Replace(question("http://x/", "newsletter", ""), `"type":"email"`, `"type":"request"`, 1), 422, false, ""},
		"a workload without a grant may not ask":               {ledgertest.Sidecar, "", question("ada@example.org", "newsletter", ""), 403, false, ""},
		"a touchpoint may not ask":                             {ledgertest.Touchpoint, "", question("ada@example.org", "newsletter", ""), 403, false, ""},
		"nobody may not ask":                                   {"", "", question("ada@example.org", "newsletter", ""), 401, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := l.Do(c.subject, "POST", "/access/v1/evaluation", c.body, "OptUp-Grant", c.grant)
			var got struct {
				Decision *bool
				Context  struct{ Reason string }
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			if status != c.status || (got.Decision != nil && *got.Decision) != c.decision || got.Context.Reason != c.reason || (status == 200) != (got.Decision != nil) {
				t.Fatalf("%d %s", status, body)
			}
		})
	}
}

// A permission that rests on an obligation is none for a caller who does not promise to meet it.
func TestAuthZENObligations(t *testing.T) {
	l := ledgertest.New(t)
	b := ledgertest.NewBundle("newsletter")
	b.Purposes[0].Grounds = []ir.Ground{ir.GroundExistingCustomer}
	b.Purposes[0].Goods = []string{"garden"}
	l.Bundle.Store(b)
	l.Start()
	if status, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/events", eventBody("ada@example.org", `{"type":"relationship","goods":["garden"],"objectionNotice":true}`)); status != 201 {
		t.Fatal(body)
	}
	for more, want := range map[string]string{
		"": `{"decision":false,"context":{"reason":"OBLIGATION_UNMET"`,
		`,"obligations":["add-objection-notice"]`: `{"decision":true,"context":{"reason":"OK_EXISTING_CUSTOMER","obligations":["add-objection-notice"]`,
	} {
		if status, body := l.Do(ledgertest.Officer, "POST", "/access/v1/evaluation", question("ada@example.org", "newsletter", more)); status != 200 || !strings.HasPrefix(body, want) {
			t.Errorf("%q: %d %s; want %s", more, status, body, want)
		}
	}
}

// TestAuthZENProtocol holds the ledger to the Authorization API 1.0.
func TestAuthZENProtocol(t *testing.T) {
	l := newAuthzen(t)
	doorstest.Run(t, doorstest.Door{
		Do: func(t *testing.T, method, path, body string, headers ...string) (int, http.Header, string) {
			t.Helper()
			return l.DoHeader(ledgertest.Officer, method, path, body, headers...)
		},
		Yes: question("ada@example.org", "newsletter", ""), No: question("bob@example.org", "newsletter", ""),
	})
	if log := l.Log.String(); strings.Contains(log, "ada@") {
		t.Error("the log names a person")
	}
}

// TestAuthZENAsksWhoAsksFirst: nothing is said about the questions of somebody who may not ask.
func TestAuthZENAsksWhoAsksFirst(t *testing.T) {
	l := newAuthzen(t)
	for _, body := range []string{"{", question("ada@example.org", "newsletter", "")} {
		for _, path := range []string{"/access/v1/evaluation", "/access/v1/evaluations"} {
			if status, got := l.Do("", "POST", path, body); status != 401 {
				t.Errorf("%d %s", status, got)
			}
			if status, got := l.Do(ledgertest.Touchpoint, "POST", path, body); status != 403 {
				t.Errorf("%d %s", status, got)
			}
		}
	}
}
