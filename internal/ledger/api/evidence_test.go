package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
)

func TestNobodySpeaksForAPersonWithoutEvidence(t *testing.T) {
	l := ledgertest.New(t)
	l.Start()
	bare := func(event, shown string) string {
		return fmt.Sprintf(`{"identifiers":[{"type":"email","value":"ada@example.org"}],"event":%s%s}`, event, shown)
	}
	event := func(proof string) string {
		return `{"type":"given","purpose":"newsletter","notice":"newsletter-v1","proof":"` + proof + `"}`
	}
	for _, who := range []string{ledgertest.Touchpoint, ledgertest.Officer} {
		for proof, sound := range proven {
			for name, c := range map[string]struct {
				body   string
				status int
				want   string
			}{
				"with its evidence":            {bare(event(proof), `,"evidence":`+sound), 201, "position"},
				"without":                      {bare(event(proof), ""), 422, "send in evidence"},
				"with null":                    {bare(event(proof), `,"evidence":null`), 422, "send in evidence"},
				"with evidence of nothing":     {bare(event(proof), `,"evidence":{"kind":"`+strings.SplitN(sound, `"`, 5)[3]+`"}`), 422, "/evidence"},
				"with evidence but no proof":   {bare(`{"type":"withdrawn","purpose":"offers"}`, `,"evidence":`+sound), 422, "event.proof"},
				"with members that it has not": {bare(event(proof), `,"evidence":`+strings.Replace(sound, `{"kind"`, `{"note":"ada","kind"`, 1)), 400, "unknown"},
			} {
				if status, body := l.Do(who, "POST", "/v1/events", c.body); status != c.status || !strings.Contains(body, c.want) {
					t.Errorf("%s %s: %d %s", proof, name, status, body)
				}
			}
		}
		other := bare(event("Signed"), `,"evidence":`+proven["MailboxConfirmed"])
		if status, body := l.Do(who, "POST", "/v1/events", other); status != 422 || strings.Contains(body, "message-1") {
			t.Errorf("evidence of another proof: %d %s", status, body)
		}
	}
	// What was shown is kept, sealed, with the event.
	tags, err := l.Keys.Tags(ledgertest.Email("ada@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.Store.Attachments(t.Context(), tags[0], store.KindEvidence)
	if err != nil || len(got) != 2*len(proven) || !strings.HasPrefix(string(got[0].Body), `{"kind":`) {
		t.Fatalf("%d pieces of evidence, %v", len(got), err)
	}
	// The same key with other evidence is other content.
	body := bare(event("Signed"), `,"evidence":`+proven["Signed"])
	for i, want := range []int{201, 201, 409} {
		if i == 2 {
			body = strings.Replace(body, "archive/1", "archive/2", 1)
		}
		if status, text := l.Do(ledgertest.Officer, "POST", "/v1/events", body, "Idempotency-Key", "k"); status != want {
			t.Errorf("%d: %d %s", i, status, text)
		}
	}
}

// TestSignalsOfSomebodyProvenNeedEvidence: a header may say yes, too, so a proof beside it is shown like any other.
func TestSignalsOfSomebodyProvenNeedEvidence(t *testing.T) {
	l, _ := shop(t)
	bare := `{` + ada + `,"proof":"MailboxConfirmed"}`
	for _, path := range []string{"signals", "next"} {
		yes := []string{"ADPC", "consent=newsletter-v1~newsletter, withdraw=*"}
		path = "/v1/touchpoints/shop/form/" + path
		if status, body := l.Do(ledgertest.Writer, "POST", path, bare, yes...); status != 422 || !strings.Contains(body, "evidence") {
			t.Errorf("%s without: %d %s", path, status, body)
		}
		if n := len(record(t, l, "ada@example.org").Grants); n != 0 {
			t.Fatalf("%s: %d grants without evidence", path, n)
		}
	}
	if status, body := l.Do(ledgertest.Writer, "POST", "/v1/touchpoints/shop/form/next", bare); status != 200 {
		t.Errorf("asking alone writes nothing: %d %s", status, body)
	}
	if status, body := l.Do(ledgertest.Writer, "POST", "/v1/touchpoints/shop/form/signals", `{`+adaProven+`}`, "ADPC", "consent=newsletter-v1~newsletter"); status != 204 {
		t.Fatalf("with evidence: %d %s", status, body)
	}
	if n := len(record(t, l, "ada@example.org").Grants); n != 1 {
		t.Errorf("%d grants with evidence", n)
	}
	kept(t, l, "doubleOptIn")
}

// TestAnAnswerKeepsItsEvidence, a no as well as a yes; and other evidence under the same key is other content.
func TestAnAnswerKeepsItsEvidence(t *testing.T) {
	l, _ := shop(t)
	body := `{` + adaProven + `,"answers":[{"notice":"newsletter-v1","purpose":"newsletter","answer":"refused"}]}`
	send := func(body string) int {
		status, _ := l.Do(ledgertest.Writer, "POST", "/v1/touchpoints/shop/form/answers", body, "Idempotency-Key", "k")
		return status
	}
	if status := send(body); status != 200 {
		t.Fatal(status)
	}
	kept(t, l, "doubleOptIn")
	if status := send(strings.Replace(body, "message-1", "message-2", 1)); status != 409 {
		t.Errorf("other evidence under the same key: %d", status)
	}
}

// kept tells that evidence of a kind is kept for ada.
func kept(t *testing.T, l *ledgertest.Ledger, kind string) {
	t.Helper()
	tags, err := l.Keys.Tags(ledgertest.Email("ada@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.Store.Attachments(t.Context(), tags[0], store.KindEvidence)
	if err != nil || !slices.ContainsFunc(got, func(a store.Attached) bool { return strings.HasPrefix(string(a.Body), `{"kind":"`+kind+`"`) }) {
		t.Errorf("no %s among %d pieces of evidence, %v", kind, len(got), err)
	}
}
