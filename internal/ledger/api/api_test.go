package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

// eventBody gives an event about an address, with evidence of the proof that it names.
func eventBody(email, event string) string {
	shown := ""
	for proof, e := range proven {
		if strings.Contains(event, `"proof":"`+proof+`"`) {
			shown = `,"evidence":` + e
		}
	}
	return fmt.Sprintf(`{"identifiers":[{"type":"email","value":%q}],"event":%s%s}`, email, event, shown)
}

// proven is evidence of each proof.
var proven = map[string]string{
	"MailboxConfirmed": `{"kind":"doubleOptIn","doubleOptIn":{"sender":"esp.example","askedAt":"2026-01-01T10:00:00Z","sentAt":"2026-01-01T10:00:01Z",` +
		`"confirmedAt":"2026-01-01T10:05:00Z","reference":"message-1"}}`,
	"Signed": `{"kind":"signedForm","signedForm":{"signedAt":"2026-01-01T10:00:00Z","sha256":"` + strings.Repeat("ab", 32) + `","reference":"archive/1",` +
		`"signature":"handwritten"}}`,
	"AuthenticatedSession": `{"kind":"session","session":{"issuer":"https://login.shop.example","authenticatedAt":"2026-01-01T10:00:00Z","reference":"s-1"}}`,
	"NumberConfirmed": `{"kind":"numberCode","numberCode":{"sender":"sms.example","channel":"sms","sentAt":"2026-01-01T10:00:00Z",` +
		`"confirmedAt":"2026-01-01T10:01:00Z"}}`,
}

const given = `{"type":"given","purpose":"newsletter","notice":"newsletter-v1","proof":"MailboxConfirmed"}`

func TestWhoMayDoWhat(t *testing.T) {
	l := ledgertest.New(t)
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	l.Start()
	lookup := `{"identifier":{"type":"email","value":"ada@example.org"}}`
	csv := "identifier_type,identifier,event,purpose,notice\nemail,a@example.org,given,newsletter,newsletter-v1\n"
	for name, c := range map[string]struct {
		subject, method, path, body string
		want                        int
	}{
		"nobody appends without a token":       {"", "POST", "/v1/events", eventBody("ada@example.org", given), 401},
		"a touchpoint appends":                 {ledgertest.Touchpoint, "POST", "/v1/events", eventBody("ada@example.org", given), 201},
		"a reader does not append":             {ledgertest.Reader, "POST", "/v1/events", eventBody("ada@example.org", given), 403},
		"a sidecar does not append":            {ledgertest.Sidecar, "POST", "/v1/events", eventBody("ada@example.org", given), 403},
		"an officer looks people up":           {ledgertest.Officer, "POST", "/v1/people/lookup", lookup, 200},
		"a touchpoint does not look up":        {ledgertest.Touchpoint, "POST", "/v1/people/lookup", lookup, 403},
		"a reader does not look up":            {ledgertest.Reader, "POST", "/v1/people/lookup", lookup, 403},
		"a reader reads the usable share":      {ledgertest.Reader, "GET", "/v1/usable-share", "", 200},
		"a touchpoint does not read the share": {ledgertest.Touchpoint, "GET", "/v1/usable-share", "", 403},
		"a reader does not import":             {ledgertest.Reader, "POST", "/v1/imports", csv, 403},
		"an officer imports":                   {ledgertest.Officer, "POST", "/v1/imports", csv, 200},
		"a sidecar does not see the head":      {ledgertest.Sidecar, "GET", "/v1/head", "", 403},
		"a reader sees the head":               {ledgertest.Reader, "GET", "/v1/head", "", 200},
		"a sidecar without a grant pings not":  {ledgertest.Sidecar, "POST", "/v1/ping", `{"nonce":"a"}`, 403},
		"a reader pings":                       {ledgertest.Reader, "POST", "/v1/ping", `{"nonce":"a"}`, 200},
		"no role opens a stream":               {ledgertest.Officer, "GET", "/v1/stream", "", 403},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := l.Do(c.subject, c.method, c.path, c.body); status != c.want {
				t.Fatalf("status %d, want %d: %s", status, c.want, body)
			}
		})
	}
}

func TestEventsAreRefused(t *testing.T) {
	l := ledgertest.New(t).Start()
	for name, c := range map[string]struct {
		subject, body string
		want          int
	}{
		"the actor is not for the caller to say":              {ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"given","actor":"person"}`), 400},
		"a position is not for the caller to say":             {ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"withdrawn","purpose":"newsletter","position":7}`), 400},
		"members in another case are unknown":                 {ledgertest.Touchpoint, eventBody("ada@example.org", `{"Type":"given"}`), 400},
		"a member may not stand twice":                        {ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"withdrawn","type":"given"}`), 400},
		"nothing may follow the body":                         {ledgertest.Touchpoint, eventBody("ada@example.org", given) + "{}", 400},
		"an identifier has to be one":                         {ledgertest.Touchpoint, eventBody("ada at home", given), 422},
		"somebody has to be named":                            {ledgertest.Touchpoint, `{"identifiers":[],"event":` + given + `}`, 422},
		"types are those of the vocabulary":                   {ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"ada@example.org"}`), 422},
		"a purpose is a name and no address":                  {ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"withdrawn","purpose":"ada@example.org"}`), 422},
		"the future is not accepted":                          {ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"withdrawn","purpose":"newsletter","occurredAt":"2999-01-01T00:00:00Z"}`), 422},
		"nobody bases a grant on what has not happened":       {ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"given","purpose":"newsletter","notice":"newsletter-v1","proof":"Signed","basedOn":1000}`), 422},
		"a touchpoint confirms only with proof":               {ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"confirmed","purpose":"newsletter"}`), 422},
		"a touchpoint renews only with proof":                 {ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"renewed","grant":1}`), 422},
		"a touchpoint lifts an objection only with proof":     {ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"objectionLifted","scope":"all"}`), 422},
		"a touchpoint does not lift a restriction":            {ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"unrestricted"}`), 403},
		"a touchpoint does not say who is a business":         {ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"attribute","attribute":"addressee","value":"business"}`), 403},
		"an officer does not permit without proof":            {ledgertest.Officer, eventBody("ada@example.org", `{"type":"given","purpose":"newsletter","notice":"newsletter-v1"}`), 422},
		"an officer does not lift an objection without proof": {ledgertest.Officer, eventBody("ada@example.org", `{"type":"objectionLifted","scope":"all"}`), 422},
		"a touchpoint separates nobody":                       {ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"unlinked"}`), 403},
		"a link needs two":                                    {ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"linked"}`), 422},
		"a body has its limit":                                {ledgertest.Touchpoint, eventBody(strings.Repeat("a", 70_000), given), 413},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := l.Do(c.subject, "POST", "/v1/events", c.body)
			if status != c.want {
				t.Fatalf("status %d, want %d: %s", status, c.want, body)
			}
			if strings.Contains(body, "ada@") || strings.Contains(body, "ada at") {
				t.Fatalf("the answer repeats the person: %s", body)
			}
			var p struct {
				Type, Title, Detail string
				Status              int
			}
			if err := json.Unmarshal([]byte(body), &p); err != nil || p.Status != c.want || p.Detail == "" || p.Type == "" {
				t.Fatalf("no problem with a detail: %s", body)
			}
		})
	}
	if h, err := l.Store.Head(t.Context()); err != nil || h.Position != 0 {
		t.Fatalf("refused events moved the head to %d, %v", h.Position, err)
	}
}

func TestTheActorFollowsFromTheRole(t *testing.T) {
	l := ledgertest.New(t).Start()
	post := func(subject, email, event string) {
		t.Helper()
		if status, body := l.Do(subject, "POST", "/v1/events", eventBody(email, event)); status != 201 {
			t.Fatalf("status %d: %s", status, body)
		}
	}
	post(ledgertest.Touchpoint, "proven@example.org", given)
	post(ledgertest.Touchpoint, "typed@example.org", `{"type":"given","purpose":"newsletter","notice":"newsletter-v1","pending":true}`)
	post(ledgertest.Officer, "paper@example.org", strings.Replace(given, "MailboxConfirmed", "Signed", 1))
	for email, want := range map[string]consent.Status{
		"proven@example.org": consent.StatusGiven, "typed@example.org": consent.StatusPending, "paper@example.org": consent.StatusGiven,
	} {
		if r := record(t, l, email); len(r.Grants) != 1 || r.Grants[0].Status != want {
			t.Errorf("%+v, want one grant that is %s", r.Grants, want)
		}
	}
}

func record(t *testing.T, l *ledgertest.Ledger, email string) *consent.Record {
	t.Helper()
	tags, err := l.Keys.Tags(ledgertest.Email(email))
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Store.Lookup(t.Context(), tags[0])
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestIdempotencyAndConflict(t *testing.T) {
	l := ledgertest.New(t).Start()
	send := func(subject, event, key string) (int, string) {
		return l.Do(subject, "POST", "/v1/events", eventBody("ada@example.org", event), "Idempotency-Key", key)
	}
	status, first := send(ledgertest.Touchpoint, given, "order 7 of ada@example.org")
	if status != 201 || !strings.Contains(first, `"position":1`) {
		t.Fatalf("%d %s", status, first)
	}
	if status, again := send(ledgertest.Touchpoint, given, "order 7 of ada@example.org"); status != 201 || !strings.Contains(again, `"position":1,`) || !strings.Contains(again, `"replayed":true`) {
		t.Fatalf("the same again: %d %s", status, again)
	}
	if status, body := send(ledgertest.Touchpoint, `{"type":"withdrawn","purpose":"newsletter"}`, "order 7 of ada@example.org"); status != 409 || !strings.Contains(body, "idempotency-key") {
		t.Fatalf("the key with other content: %d %s", status, body)
	}
	if status, body := send(ledgertest.Officer, `{"type":"withdrawn","purpose":"newsletter"}`, "order 7 of ada@example.org"); status != 201 || !strings.Contains(body, `"position":2`) {
		t.Fatalf("the key of another caller: %d %s", status, body)
	}
	if status, body := send(ledgertest.Touchpoint, given, "b"); status != 409 || !strings.Contains(body, "said-no-since") {
		t.Fatalf("a grant after a no: %d %s", status, body)
	}
	if status, body := send(ledgertest.Touchpoint, strings.Replace(given, "}", `,"basedOn":2}`, 1), "b"); status != 201 {
		t.Fatalf("a grant that names the no: %d %s", status, body)
	}
}

func TestLookupTellsTheOfficerWhy(t *testing.T) {
	l := ledgertest.New(t)
	l.Bundle.Store(ledgertest.NewBundle("newsletter", "profiling"))
	l.Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	l.Append("ada@example.org", ledgertest.Withdrawn("newsletter"))
	status, body := l.Do(ledgertest.Officer, "POST", "/v1/people/lookup", `{"identifier":{"type":"email","value":"ADA@example.org "}}`)
	for _, want := range []string{`"known":true`, `"position":2`, `"reason":"WITHDRAWN"`, `"reason":"NO_GRANT"`, `"status":"withdrawn"`} {
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("%d, no %s in %s", status, want, body)
		}
	}
	if status, body := l.Do(ledgertest.Officer, "POST", "/v1/people/lookup", `{"identifier":{"type":"email","value":"bob@example.org"}}`); status != 200 || !strings.Contains(body, `"known":false`) {
		t.Errorf("%d %s", status, body)
	}
}

func TestNobodyIsInTheLog(t *testing.T) {
	l := ledgertest.New(t).Start()
	for _, body := range []string{eventBody("ada@example.org", given), eventBody("ada@example.org ada@example.org", given), `{"ada@example.org":1}`} {
		l.Do(ledgertest.Touchpoint, "POST", "/v1/events", body, "Idempotency-Key", "ada@example.org")
	}
	l.Do(ledgertest.Officer, "POST", "/v1/people/lookup", `{"identifier":{"type":"email","value":"ada@example.org"}}`)
	l.Do(ledgertest.Touchpoint, "POST", "/v1/imports?ada@example.org", "identifier_type,identifier,event\nemail,ada@example.org,ada@example.org\n")
	l.Do(ledgertest.Touchpoint, "GET", "/v1/people/ada@example.org", "")
	if strings.Contains(l.Log.String(), "ada") {
		t.Fatalf("the log holds a person: %s", l.Log)
	}
}

func TestRestartKeepsPositions(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	_, before := l.Do(ledgertest.Reader, "GET", "/v1/head", "")
	l.Stop()
	l.Start()
	_, after := l.Do(ledgertest.Reader, "GET", "/v1/head", "")
	cut := func(s string) string { s, _, _ = strings.Cut(s, `"time"`); return s }
	if cut(before) != cut(after) || !strings.Contains(after, `"position":1`) {
		t.Fatalf("before %s after %s", before, after)
	}
	if status, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/events", eventBody("bob@example.org", given)); status != 201 || !strings.Contains(body, `"position":2`) {
		t.Fatalf("%d %s", status, body)
	}
}
