package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/api"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/wire"
)

// reporter sends batches as the sidecar of a pod with a grant for the newsletter.
type reporter struct {
	*ledgertest.Ledger
	t *testing.T
	n int
}

func newReporter(t *testing.T, unusedForDays int) *reporter {
	t.Helper()
	l := ledgertest.New(t)
	b := ledgertest.NewBundle("newsletter", "advice")
	b.Purposes[0].UnusedForDays = unusedForDays
	l.Bundle.Store(b)
	return &reporter{Ledger: l.Start(), t: t}
}

func (r *reporter) tag(email string) *wire.Tag {
	r.t.Helper()
	tags, err := r.Keys.Tags(ledgertest.Email(email))
	if err != nil {
		r.t.Fatal(err)
	}
	t := wire.Tag(tags[0])
	return &t
}

// decision is one about a person.
func (r *reporter) decision(at time.Time, effect, email, reason string) wire.Decided {
	r.n++
	return wire.Decided{
		ID: wire.NewDecisionID(at, uint64(r.n), uint64(r.n)), At: at, Effect: effect, Mode: "Enforce", Purpose: "newsletter", Service: "shop/esp",
		Endpoint: "send", Party: "Mail GmbH", Policies: []string{"shop/mail/newsletter"}, Generation: 4, Position: 2, First: 1,
		Uses: []wire.Use{{Tag: r.tag(email), Reason: reason}},
	}
}

func (r *reporter) send(id string, all ...wire.Decided) (int, wire.Taken, string) {
	r.t.Helper()
	body, err := json.Marshal(wire.Uses{Version: wire.UsesVersion, ID: id, Decisions: all})
	if err != nil {
		r.t.Fatal(err)
	}
	status, answer := r.Do(ledgertest.Sidecar, "POST", wire.UsesPath, string(body), wire.GrantHeader, r.Grant(ledgertest.Sidecar, "pod-1", time.Hour, "newsletter"))
	var taken wire.Taken
	if status == 200 {
		if err := json.Unmarshal([]byte(answer), &taken); err != nil {
			r.t.Fatal(err)
		}
	}
	return status, taken, answer
}

func (r *reporter) usesOf(email string) (out api.UsesOf) {
	r.t.Helper()
	status, body := r.Do(ledgertest.Officer, "POST", "/v1/people/uses", fmt.Sprintf(`{"identifier":{"type":"email","value":%q}}`, email))
	if status != 200 {
		r.t.Fatalf("%d %s", status, body)
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		r.t.Fatal(err)
	}
	return out
}

func TestUsesAreReportedWithAGrantAndReadByOfficers(t *testing.T) {
	r := newReporter(t, 0)
	now := time.Now().UTC()
	d := r.decision(now, "permit-filtered", "ada@example.org", "OK_CONSENT")
	d.Uses = append(d.Uses, wire.Use{Tag: r.tag("bob@example.org"), Reason: "WITHDRAWN"}, wire.Use{Reason: "PERSON_UNRESOLVED"})
	foreign := r.decision(now, "permit", "ada@example.org", "OK_CONSENT")
	foreign.Purpose = "advice"
	if status, taken, body := r.send("one", d, foreign); status != 200 || taken.Refused != 1 || taken.Replayed {
		t.Fatalf("%d %+v %s", status, taken, body)
	}
	if status, taken, body := r.send("one", d); status != 200 || !taken.Replayed {
		t.Fatalf("%d %+v %s", status, taken, body)
	}
	ada, bob := r.usesOf("ada@example.org"), r.usesOf("bob@example.org")
	if len(ada.Uses) != 1 || !ada.Uses[0].Used || ada.Uses[0].Workload != "Deployment/mailer" || ada.Uses[0].Namespace != "shop" || ada.Uses[0].Recipient != "Mail GmbH" {
		t.Errorf("%+v", ada)
	}
	if len(bob.Uses) != 1 || bob.Uses[0].Used || bob.Uses[0].Person.Reason != "WITHDRAWN" || bob.Uses[0].Person.Number != 2 {
		t.Errorf("%+v", bob)
	}
	status, body := r.Do(ledgertest.Officer, "GET", "/v1/decisions/"+d.ID.String(), "")
	var got api.RecordedDecision
	if err := json.Unmarshal([]byte(body), &got); status != 200 || err != nil || len(got.People) != 3 || got.People[2].Reason != "PERSON_UNRESOLVED" || got.Generation != 4 || got.Position != 2 {
		t.Fatalf("%d %s %v", status, body, err)
	}
	if tag, err := r.tag("ada@example.org").MarshalText(); err != nil || strings.Contains(body, string(tag)) {
		t.Errorf("the answer has a tag: %s", body)
	}
	if strings.Contains(r.Log.String(), "ada@") {
		t.Error("the log names a person")
	}
}

func TestWhoMayReportAndReadUses(t *testing.T) {
	r := newReporter(t, 0)
	d := r.decision(time.Now(), "permit", "ada@example.org", "OK_CONSENT")
	raw, err := json.Marshal(wire.Uses{Version: 1, ID: "x", Decisions: []wire.Decided{d}})
	if err != nil {
		t.Fatal(err)
	}
	if status, _, body := r.send("x", d); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	person := `{"identifier":{"type":"email","value":"ada@example.org"}}`
	id := "/v1/decisions/" + d.ID.String()
	for name, c := range map[string]struct {
		subject, method, path, body string
		want                        int
		header                      []string
	}{
		"nobody reports without a token":             {"", "POST", "/v1/uses", string(raw), 401, nil},
		"a sidecar reports nothing without a grant":  {ledgertest.Sidecar, "POST", "/v1/uses", string(raw), 403, nil},
		"a role is no grant":                         {ledgertest.Officer, "POST", "/v1/uses", string(raw), 403, nil},
		"the grant of another pod is none":           {ledgertest.Sidecar, "POST", "/v1/uses", string(raw), 403, []string{wire.GrantHeader, r.Grant(ledgertest.Sidecar, "pod-2", time.Hour, "newsletter")}},
		"an officer reads the uses of a person":      {ledgertest.Officer, "POST", "/v1/people/uses", person, 200, nil},
		"a touchpoint does not":                      {ledgertest.Touchpoint, "POST", "/v1/people/uses", person, 403, nil},
		"a reader does not":                          {ledgertest.Reader, "POST", "/v1/people/uses", person, 403, nil},
		"an officer reads a decision":                {ledgertest.Officer, "GET", id, "", 200, nil},
		"a reader reads no decision":                 {ledgertest.Reader, "GET", id, "", 403, nil},
		"an unknown decision is not found":           {ledgertest.Officer, "GET", "/v1/decisions/" + wire.DecisionID{1}.String(), "", 404, nil},
		"what is no id is refused, and not repeated": {ledgertest.Officer, "GET", "/v1/decisions/ada@example.org", "", 400, nil},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := r.Do(c.subject, c.method, c.path, c.body, c.header...)
			if status != c.want || strings.Contains(body, "ada@") {
				t.Errorf("status %d, want %d: %s", status, c.want, body)
			}
		})
	}
}

func TestWhatNoSidecarSendsIsRefused(t *testing.T) {
	r := newReporter(t, 0)
	for name, change := range map[string]func(*wire.Decided){
		"an effect of its own":           func(d *wire.Decided) { d.Effect = "allow" },
		"a reason that names a person":   func(d *wire.Decided) { d.Uses[0].Reason = "ada@example.org" },
		"a service that is an address":   func(d *wire.Decided) { d.Service = "ada@example.org" },
		"an endpoint that is an address": func(d *wire.Decided) { d.Endpoint = "ada@example.org" },
		"no time":                        func(d *wire.Decided) { d.At = time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			d := r.decision(time.Now(), "permit", "ada@example.org", "OK_CONSENT")
			change(&d)
			if status, _, body := r.send(name, d); status != 422 || strings.Contains(body, "ada@") {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

// TestAUseKeepsAConsentFromLapsing: with unusedForDays 30, a use counts if the consent carried it then.
func TestAUseKeepsAConsentFromLapsing(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		given         time.Duration // before now
		used          []time.Duration
		effect        string
		reason        string
		unusedForDays int
		want          time.Duration // before now; 0 for never
		positions     int           // of events after the grant
	}{
		"a use within the period":                         {20 * day, []time.Duration{5 * day}, "permit", "OK_CONSENT", 30, 5 * day, 1},
		"one that is told late counts for when it was":    {40 * day, []time.Duration{15 * day}, "permit", "OK_CONSENT", 30, 15 * day, 1},
		"one after the consent lapsed does not revive it": {40 * day, []time.Duration{5 * day}, "permit", "OK_CONSENT", 30, 0, 0},
		"one on another ground does not count":            {20 * day, []time.Duration{5 * day}, "permit", "OK_EXISTING_CUSTOMER", 30, 0, 0},
		"one that was denied does not count":              {20 * day, []time.Duration{5 * day}, "deny", "OK_CONSENT", 30, 0, 0},
		"many on one day are one event":                   {20 * day, []time.Duration{5 * day, 5*day - time.Minute, 5*day - 2*time.Minute}, "permit", "OK_CONSENT", 30, 5 * day, 1},
		"each day counts":                                 {20 * day, []time.Duration{5 * day, 4 * day}, "permit", "OK_CONSENT", 30, 4 * day, 2},
		"without a period there is nothing to keep":       {20 * day, []time.Duration{5 * day}, "permit", "OK_CONSENT", 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReporter(t, c.unusedForDays)
			now := time.Now().UTC().Truncate(day).Add(12 * time.Hour).Add(-day) // noon, so that minutes stay within a day
			given := ledgertest.Given("newsletter")
			given.OccurredAt = now.Add(-c.given)
			at := r.Append("ada@example.org", given)
			for i, u := range c.used {
				if status, _, body := r.send(fmt.Sprint(i), r.decision(now.Add(-u), c.effect, "ada@example.org", c.reason)); status != 200 {
					t.Fatalf("%d %s", status, body)
				}
			}
			record, err := r.Store.Lookup(t.Context(), consent.Tag(*r.tag("ada@example.org")))
			if err != nil {
				t.Fatal(err)
			}
			var want time.Time
			if c.want != 0 {
				want = now.Add(-c.want)
			}
			if got := record.Used["newsletter"]; !got.Equal(want) {
				t.Errorf("last used %s, want %s", got, want)
			}
			if n := int(record.Position - at); n != c.positions {
				t.Errorf("%d positions were taken, want %d", n, c.positions)
			}
		})
	}
}
