package api_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// people starts a ledger that trusts an OpenID provider, and gives a token of ada's.
func people(t *testing.T) (l *ledgertest.Ledger, p *ledgertest.Provider, me string) {
	t.Helper()
	l, p = ledgertest.New(t), ledgertest.NewProvider(t)
	l.Configure(map[string]any{
		"issuers": []any{
			map[string]any{"issuer": ledgertest.Issuer, "audience": ledgertest.Audience, "jwksFile": "jwks.json"},
			map[string]any{"issuer": p.URL, "audience": "optup", "groups": "groups", "person": map[string]any{"claim": "email", "type": "email"}},
		},
		"access": []any{
			map[string]any{"subject": ledgertest.Touchpoint, "roles": []string{"touchpoint"}},
			map[string]any{"subject": ledgertest.Reader, "roles": []string{"reader"}},
			map[string]any{"subject": ledgertest.Officer, "roles": []string{"officer"}},
			map[string]any{"issuer": p.URL, "group": "dpo", "roles": []string{"officer"}},
		},
	})
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	l.Start()
	return l, p, p.Token(p.Key, map[string]any{"sub": "u-ada", "email": "Ada@example.org", "email_verified": true})
}

func TestWhoMayDoWhatAboutPeople(t *testing.T) {
	l, p, me := people(t)
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	stranger := p.Token(p.Key, map[string]any{"email": "ada@example.org"}) // nobody verified it
	dpo := p.Token(p.Key, map[string]any{"sub": "u-dpo", "groups": []string{"dpo"}})
	named := `{"identifier":{"type":"email","value":"ada@example.org"}}`
	mistake := `{"identifier":{"type":"email","value":"ada@example.org"},"corrects":1}`
	for route, c := range map[string]struct {
		body   string
		may    []string
		status int
	}{
		"GET /v1/me":                   {"", []string{me}, 200},
		"GET /v1/me/export":            {"", []string{me}, 200},
		"POST /v1/me/events":           {`{"event":{"type":"restricted"}}`, []string{me}, 201},
		"POST /v1/people/export":       {named, []string{ledgertest.Officer, dpo}, 200},
		"POST /v1/corrections":         {mistake, []string{ledgertest.Officer, dpo}, 200},
		"POST /v1/corrections/approve": {mistake, []string{ledgertest.Officer, dpo}, 422},
		"POST /v1/events":              {eventBody("ada@example.org", `{"type":"withdrawn","purpose":"offers"}`), []string{ledgertest.Officer, ledgertest.Touchpoint, dpo}, 201},
		"POST /v1/people/lookup":       {named, []string{ledgertest.Officer, dpo}, 200},
		"GET /v1/head":                 {"", []string{ledgertest.Officer, dpo, ledgertest.Touchpoint, ledgertest.Reader}, 200},
		"POST /v1/people/erase":        {named, []string{ledgertest.Officer, dpo}, 201},
	} {
		if route == "POST /v1/people/erase" {
			continue // last, below
		}
		method, path, _ := strings.Cut(route, " ")
		for who, subject := range map[string]string{
			"nobody": "", "a touchpoint": ledgertest.Touchpoint, "a reader": ledgertest.Reader, "an officer": ledgertest.Officer, "a sidecar": ledgertest.Sidecar,
			"a person": me, "somebody unverified": stranger, "an officer of the issuer": dpo,
		} {
			want := 403
			if subject == "" {
				want = 401
			}
			if slices.Contains(c.may, subject) {
				want = c.status
			}
			if status, body := l.Do(subject, method, path, c.body); status != want {
				t.Errorf("%s: %s gets %d, want %d: %s", route, who, status, want, body)
			}
		}
	}
	for subject, want := range map[string]int{"": 401, ledgertest.Touchpoint: 403, ledgertest.Reader: 403, me: 403, stranger: 403, dpo: 201} {
		if status, body := l.Do(subject, "POST", "/v1/people/erase", named); status != want {
			t.Errorf("erase: %d, want %d: %s", status, want, body)
		}
	}
}

// TestAPersonSpeaksForNobodyElse: whatever the body says.
func TestAPersonSpeaksForNobodyElse(t *testing.T) {
	l, _, me := people(t)
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	l.Append("bob@example.org", ledgertest.Given("newsletter"))
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"of somebody else":         {`{"identifiers":[{"type":"email","value":"bob@example.org"}],"event":{"type":"withdrawn","purpose":"newsletter"}}`, 400},
		"about somebody else":      {`{"event":{"type":"withdrawn","purpose":"newsletter","identifier":"bob@example.org"}}`, 400},
		"a yes":                    {`{"event":{"type":"given","purpose":"newsletter"}}`, 422},
		"a yes that is confirmed":  {`{"event":{"type":"confirmed","purpose":"newsletter"}}`, 422},
		"a return":                 {`{"event":{"type":"objectionLifted","scope":"all"}}`, 422},
		"unrestricting":            {`{"event":{"type":"unrestricted"}}`, 422},
		"an erasure by themselves": {`{"event":{"type":"erased"}}`, 422},
		"another proof":            {`{"event":{"type":"withdrawn","purpose":"newsletter","proof":"Signed"}}`, 400},
		"a grant of bob's":         {`{"event":{"type":"withdrawn","grant":2}}`, 201}, // it is none of ada's, so it ends nothing
		"a withdrawal":             {`{"event":{"type":"withdrawn","purpose":"newsletter"}}`, 201},
		"an objection":             {`{"event":{"type":"objected","scope":"channel","channel":"email"}}`, 201},
	} {
		if status, body := l.Do(me, "POST", "/v1/me/events", c.body); status != c.want {
			t.Errorf("%s: %d, want %d: %s", name, status, c.want, body)
		}
	}
	if bob := record(t, l, "bob@example.org"); bob.Position != 2 || bob.Grants[0].Status != consent.StatusGiven {
		t.Errorf("bob: %+v", bob)
	}
	if ada := record(t, l, "ada@example.org"); ada.Grants[0].Status != consent.StatusWithdrawn || len(ada.Objections) != 2 {
		t.Errorf("ada: %+v", ada)
	}
	kept(t, l, "session")
	status, body := l.Do(me, "GET", "/v1/me?language=de", "")
	if status != 200 || !strings.Contains(body, `"wording":"Ja, newsletter."`) || !strings.Contains(body, `"status":"withdrawn"`) || !strings.Contains(body, `"record"`) {
		t.Errorf("%d %s", status, body)
	}
	if strings.Contains(l.Log.String(), "example.org") {
		t.Error("a person is in the log")
	}
}

func TestAnExportNamesWhoReallyGotTheData(t *testing.T) {
	l, _, me := people(t)
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	tags, err := l.Keys.Tags(ledgertest.Email("ada@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct{ effect, party, reason string }{{"permit", "Mail Ltd", "OK_CONSENT"}, {"permit", "Mail Ltd", "OK_CONSENT"}, {"deny", "Ads Ltd", "NO_GRANT"}} {
		tag := wire.Tag(tags[0])
		d := wire.Decided{
			ID: wire.DecisionID{0, byte(i + 1)}, At: time.Now(), First: 1, Effect: c.effect, Purpose: "newsletter", Service: "shop/mail", Party: c.party, Mode: "Enforce",
			Uses: []wire.Use{{Tag: &tag, Reason: c.reason}},
		}
		if _, err := l.Store.RecordUses(t.Context(), store.UseBatch{Key: d.ID.String(), Namespace: "shop", Workload: "Deployment/mailer", Decisions: []wire.Decided{d}}); err != nil {
			t.Fatal(err)
		}
	}
	_, mine := l.Do(me, "GET", "/v1/me/export?language=en", "")
	_, officers := l.Do(ledgertest.Officer, "POST", "/v1/people/export", `{"identifier":{"type":"email","value":"ada@example.org"},"language":"en"}`)
	for _, body := range []string{mine, officers} {
		var out struct {
			Events     []consent.Event
			Uses       []struct{ Withheld bool }
			Recipients []struct {
				Recipient string
				Purposes  []string
				Uses      int
			}
		}
		if err := json.Unmarshal([]byte(body), &out); err != nil || len(out.Events) != 1 || len(out.Uses) != 3 {
			t.Fatalf("%v, %s", err, body)
		}
		if len(out.Recipients) != 1 || out.Recipients[0].Recipient != "Mail Ltd" || out.Recipients[0].Uses != 2 || !slices.Equal(out.Recipients[0].Purposes, []string{"newsletter"}) {
			t.Errorf("recipients: %+v", out.Recipients)
		}
	}
	if status, body := l.Do(ledgertest.Officer, "POST", "/v1/people/export", `{"identifier":{"type":"email","value":"nobody@example.org"}}`); status != 200 || !strings.Contains(body, `"position":0`) {
		t.Errorf("nobody: %d %s", status, body)
	}
}

func TestErasing(t *testing.T) {
	l, _, me := people(t)
	nobody := `{"identifier":{"type":"email","value":"ada@example.org"}}`
	if status, body := l.Do(ledgertest.Officer, "POST", "/v1/people/erase", nobody); status != 404 {
		t.Fatalf("nobody: %d %s", status, body)
	}
	if status, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/events", eventBody("ada@example.org", given)); status != 201 {
		t.Fatal(body)
	}
	for i, want := range []string{`"position":2`, `"replayed":true`} {
		if status, body := l.Do(ledgertest.Officer, "POST", "/v1/people/erase", nobody, "Idempotency-Key", "k"); status != 201 || !strings.Contains(body, want) {
			t.Errorf("%d: %d %s", i, status, body)
		}
	}
	tags, err := l.Keys.Tags(ledgertest.Email("ada@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := l.Store.Attachments(t.Context(), tags[0]); err != nil || len(got) != 0 {
		t.Errorf("%d attachments stay, %v", len(got), err)
	}
	if r := record(t, l, "ada@example.org"); r.Suppressed != 2 {
		t.Errorf("%+v", r)
	}
	if _, body := l.Do(me, "GET", "/v1/me/export", ""); strings.Contains(body, `"type":"given"`) || strings.Contains(body, "newsletter") {
		t.Errorf("what was erased is exported: %s", body)
	}
}

func TestACorrectionNeedsTwoOfficers(t *testing.T) {
	l, p, _ := people(t)
	second := p.Token(p.Key, map[string]any{"sub": "u-dpo", "groups": []string{"dpo"}})
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	at := l.Append("ada@example.org", ledgertest.Withdrawn("newsletter"))
	l.Append("bob@example.org", ledgertest.Given("newsletter"))
	who := func(address string, corrects int, more string) string {
		return `{"identifier":{"type":"email","value":"` + address + `"},"corrects":` + string(rune('0'+corrects)) + more + `}`
	}
	status, body := l.Do(ledgertest.Officer, "POST", "/v1/corrections", who("ada@example.org", int(at), ""))
	var out struct {
		Proposal string
		Expires  time.Time
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil || status != 200 || !strings.Contains(body, `"type":"withdrawn"`) || !out.Expires.After(time.Now()) {
		t.Fatalf("%d %s", status, body)
	}
	if r := record(t, l, "ada@example.org"); r.Grants[0].Status != consent.StatusWithdrawn {
		t.Fatal("a proposal changed something")
	}
	l.Stop()
	l.Start() // a proposal survives restarts
	sent := `,"proposal":"` + out.Proposal + `"`
	// Who proposed says that somebody else did.
	coded, mac, _ := strings.Cut(out.Proposal, ".")
	raw, err := base64.RawURLEncoding.DecodeString(coded)
	if err != nil {
		t.Fatal(err)
	}
	forged := `,"proposal":"` + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(raw), ledgertest.Officer, "another", 1))) + "." + mac + `"`
	for name, c := range map[string]struct {
		subject, body string
		want          int
	}{
		"who proposed":          {ledgertest.Officer, who("ada@example.org", 2, sent), 403},
		"a touchpoint":          {ledgertest.Touchpoint, who("ada@example.org", 2, sent), 403},
		"for another entry":     {second, who("ada@example.org", 1, sent), 422},
		"for somebody else":     {second, who("bob@example.org", 2, sent), 404},
		"another's entry":       {second, who("bob@example.org", 3, sent), 422},
		"with one that is none": {second, who("ada@example.org", 2, `,"proposal":"x.y"`), 422},
		"with a changed one":    {ledgertest.Officer, who("ada@example.org", 2, forged), 422},
		"with none":             {second, who("ada@example.org", 2, ""), 422},
	} {
		if status, body := l.Do(c.subject, "POST", "/v1/corrections/approve", c.body); status != c.want {
			t.Errorf("%s: %d, want %d: %s", name, status, c.want, body)
		}
	}
	if h, _ := l.Store.Head(t.Context()); h.Position != 3 {
		t.Fatalf("something was appended: %d", h.Position)
	}
	for _, want := range []string{`"position":4`, `"replayed":true`} {
		if status, body := l.Do(second, "POST", "/v1/corrections/approve", who("ada@example.org", 2, sent)); status != 201 || !strings.Contains(body, want) {
			t.Errorf("%d, no %s: %s", status, want, body)
		}
	}
	if r := record(t, l, "ada@example.org"); r.Grants[0].Status != consent.StatusGiven {
		t.Errorf("%+v", r.Grants)
	}
	page, err := l.Store.Entries(t.Context(), 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := store.DecodeEntry(page[0].Entry)
	if err != nil || entry.Event.By != ledgertest.Officer || entry.Event.ApprovedBy != p.URL+" u-dpo" || entry.Event.Corrects != 2 {
		t.Errorf("%+v, %v", entry.Event, err)
	}
	if status, body := l.Do(ledgertest.Officer, "POST", "/v1/events", eventBody("ada@example.org", `{"type":"corrected"}`)); status != 422 {
		t.Errorf("one officer alone: %d %s", status, body)
	}
	if status, body := l.Do(ledgertest.Officer, "POST", "/v1/corrections", who("ada@example.org", 4, "")); status != 422 {
		t.Errorf("a correction of a correction: %d %s", status, body)
	}
}

// TestAnOfficerWithTwoAccountsIsOne, as far as their tokens name the same person.
func TestAnOfficerWithTwoAccountsIsOne(t *testing.T) {
	l, p, _ := people(t)
	officer := func(subject, address string) string {
		return p.Token(p.Key, map[string]any{"sub": subject, "groups": []string{"dpo"}, "email": address, "email_verified": true})
	}
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	mistake := `{"identifier":{"type":"email","value":"ada@example.org"},"corrects":1`
	status, body := l.Do(officer("u-1", "dpo@example.org"), "POST", "/v1/corrections", mistake+"}")
	var out struct{ Proposal string }
	if err := json.Unmarshal([]byte(body), &out); err != nil || status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if raw, err := base64.RawURLEncoding.DecodeString(strings.Split(out.Proposal, ".")[0]); err != nil || strings.Contains(string(raw), "dpo@") {
		t.Errorf("the proposal names a person: %s", raw)
	}
	sent := mistake + `,"proposal":"` + out.Proposal + `"}`
	if status, body := l.Do(officer("u-2", "DPO@example.org"), "POST", "/v1/corrections/approve", sent); status != 403 {
		t.Errorf("the same person by another account: %d %s", status, body)
	}
	if status, body := l.Do(officer("u-3", "other@example.org"), "POST", "/v1/corrections/approve", sent); status != 201 {
		t.Errorf("somebody else: %d %s", status, body)
	}
}
