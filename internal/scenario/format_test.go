package scenario_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/scenario"
)

// written loads one case that is written by hand, beside the corpus's base.
func written(t *testing.T, ledger, decisions string) (scenario.Case, error) {
	t.Helper()
	base, err := os.ReadFile(folder + "/bases/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all, err := scenario.Load(fstest.MapFS{
		"bases/shop.yaml":    {Data: base},
		"a/b/case.yaml":      {Data: []byte("uses: [shop]\nwhy: x\nworkload: Deployment/mailer\nledger:\n" + ledger)},
		"a/b/decisions.yaml": {Data: []byte("decisions:\n" + decisions)},
	}, nil)
	if err != nil {
		return scenario.Case{}, err
	}
	return all[0], nil
}

const (
	given = "- {person: anna@example.org, type: given, purpose: newsletter, notice: newsletter-v1, proof: MailboxConfirmed, at: 2026-01-10T09:00:00Z}\n"
	phone = "- {person: anna@example.org, type: linked, with: \"phone:+4930111111\", at: 2026-01-12T09:00:00Z}\n"
	link  = "- {person: anna@example.org, type: linked, with: {type: device, value: d-1}, at: 2026-01-12T09:00:00Z}\n"
)

var anna = consent.Identifier{Type: consent.IdentifierEmail, Value: "anna@example.org"}

func TestWhatIsKnownAboutLinkedPeople(t *testing.T) {
	device := consent.Identifier{Type: consent.IdentifierDevice, Value: "d-1"}
	for name, tt := range map[string]struct {
		ledger string
		who    consent.Identifier
		at     string
		check  func(consent.Fact) bool
	}{
		"an objection on the device is inherited": {
			given + link + "- {person: device:d-1, type: objected, scope: all, at: 2026-01-13T09:00:00Z}\n", anna, "",
			func(f consent.Fact) bool { return len(f.Objections) == 1 && len(f.Grants) == 1 },
		},
		"a grant is not": {given + link, device, "", func(f consent.Fact) bool { return len(f.Grants) == 0 && f.Position == 2 }},
		"by way of others": {
			given + phone + "- {person: \"customer:c-1\", type: linked, with: \"phone:+4930111111\"}\n- {person: \"customer:c-1\", type: restricted}\n", anna, "",
			func(f consent.Fact) bool { return f.Restricted },
		},
		"but not by way of a device, which others may have used": {
			given + link + "- {person: \"customer:c-1\", type: linked, with: \"device:d-1\"}\n- {person: \"customer:c-1\", type: restricted}\n", anna, "",
			func(f consent.Fact) bool { return !f.Restricted },
		},
		"until the link ends": {
			given + link + "- {person: device:d-1, type: restricted}\n- {person: device:d-1, type: unlinked, with: anna@example.org}\n", anna, "",
			func(f consent.Fact) bool { return !f.Restricted },
		},
		"what two addresses share is nobody's": {
			given + link + "- {person: Bert@Example.org, type: linked, with: device:d-1}\n", device, "", func(f consent.Fact) bool { return f.Ambiguous },
		},
		"what one address is linked to twice is its": {
			given + link + "- {person: device:d-1, type: linked, with: Anna@Example.org}\n", device, "", func(f consent.Fact) bool { return !f.Ambiguous },
		},
		"an address that has two devices is itself": {
			given + link + "- {person: anna@example.org, type: linked, with: device:d-2}\n", anna, "", func(f consent.Fact) bool { return !f.Ambiguous },
		},
		"a withdrawal that comes later is not known yet": {
			given + "- {person: anna@example.org, type: withdrawn, purpose: newsletter, at: 2026-03-01T09:00:00Z}\n", anna, "2026-02-01T09:00:00Z",
			func(f consent.Fact) bool { return f.Grants[0].Status == consent.StatusGiven },
		},
		"a telephone number, however it is written": {
			"- {person: \"phone:+49 (30) 12-34\", type: restricted}\n",
			consent.Identifier{Type: consent.IdentifierPhone, Value: "+49301234"},
			"",
			func(f consent.Fact) bool { return f.Restricted },
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := written(t, tt.ledger, "")
			if err != nil {
				t.Fatal(err)
			}
			at := scenario.Now
			if tt.at != "" {
				if at, err = time.Parse(time.RFC3339, tt.at); err != nil {
					t.Fatal(err)
				}
			}
			if f := c.Fact(tt.who, "newsletter", at); !tt.check(f) {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestEntriesThatSayNothingAreRefused(t *testing.T) {
	for name, entry := range map[string]string{
		"a link to nobody":        "- {person: anna@example.org, type: linked}\n",
		"a grant that is linked":  "- {person: anna@example.org, type: given, purpose: newsletter, notice: newsletter-v1, with: device:d-1}\n",
		"a type of nothing":       "- {person: anna@example.org, type: forgiven}\n",
		"a person of no type":     "- {person: anna, type: restricted}\n",
		"a hash":                  "- {person: {type: email, form: MD5, value: 0cc175b9c0f1b6a831c399e269772661}, type: restricted}\n",
		"a grant without wording": "- {person: anna@example.org, type: given, purpose: newsletter}\n",
	} {
		if _, err := written(t, entry, ""); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestRequestsAreReadAsTheSidecarReadsThem.
func TestRequestsAreReadAsTheSidecarReadsThem(t *testing.T) {
	const body = `{template_id: d-newsletter, personalizations: [{to: [{email: anna@example.org}]}]}`
	for name, tt := range map[string]struct {
		request string
		reason  decide.Reason
	}{
		"a declared query":                  {"{method: GET, host: customers.crm, path: '/v1/customers?page=2'}", ""},
		"a query that nobody declared":      {"{method: GET, host: customers.crm, path: '/v1/customers?mail=anna@example.org'}", decide.CategoryNotCovered},
		"a parameter twice":                 {"{method: GET, host: customers.crm, path: '/v1/customers?page=1&page=2'}", decide.NotCanonical},
		"dot segments":                      {"{method: GET, host: customers.crm, path: /v1/x/../customers}", decide.NotCanonical},
		"an overriding header":              {"{method: POST, host: api.esp, path: /v3/mail/send, headers: {x-original-url: /v1}, body: " + body + "}", decide.NotCanonical},
		"no body where people are expected": {"{method: POST, host: api.esp, path: /v3/mail/send}", decide.BodyUnreadable},
		"a body where none is declared":     {"{method: GET, host: customers.crm, path: /v1/customers, body: {}}", decide.BodyUnreadable},
		"another header":                    {"{method: POST, host: api.esp, path: /v3/mail/send, headers: {X-Campaign: a}, body: " + body + "}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := written(t, given, "- {name: x, request: "+tt.request+", expect: {effect: permit}}\n")
			if err != nil {
				t.Fatal(err)
			}
			outcomes, err := c.Run()
			if err != nil {
				t.Fatal(err)
			}
			got := outcomes[0].Got
			if tt.reason == "" && got.Effect != decide.Permit || tt.reason != "" && (len(got.Reasons) != 1 || got.Reasons[0] != tt.reason) {
				t.Errorf("got %+v", got)
			}
			if (outcomes[0].Sent == 1) != (tt.reason == "") {
				t.Errorf("%d requests are sent", outcomes[0].Sent)
			}
		})
	}
}

func TestBodiesOfGroupsAreCompared(t *testing.T) {
	const request = "request: {method: POST, host: api.esp, path: /v3/mail/send, body: {template_id: d-newsletter, personalizations: [{to: [{email: anna@example.org}]}]}}"
	const expect = "effect: permit, purpose: newsletter, reasons: [OK_CONSENT], people: [OK_CONSENT]"
	const sent = "{template_id: d-newsletter, personalizations: [{to: [{email: anna@example.org}]}]}"
	for all, differs := range map[string]bool{"[" + sent + "]": false, "[" + sent + ", " + sent + "]": true, "[]": true} {
		c, err := written(t, given, "- {name: x, "+request+", expect: {"+expect+", forwardedAll: "+all+"}}\n")
		if err != nil {
			t.Fatal(err)
		}
		outcomes, err := c.Run()
		if err != nil {
			t.Fatal(err)
		}
		if d := outcomes[0].Differences; (len(d) == 1) != differs || differs && !strings.HasPrefix(d[0], "forwardedAll is") {
			t.Errorf("%s: %q", all, d)
		}
	}
}
