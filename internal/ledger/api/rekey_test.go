package api_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

// TestWhatWasMadeBeforeTheKeyChangedStillMeansTheSame: links in mails, entries of the log, and files that were imported.
func TestWhatWasMadeBeforeTheKeyChangedStillMeansTheSame(t *testing.T) {
	next := keys.NewRoot()
	l := ledgertest.New(t)
	l.Next = &next
	l.Start()
	link, err := l.Confirm.WithdrawalLink("stranger@example.org", "newsletter")
	if err != nil {
		t.Fatal(err)
	}
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	file := "identifier_type,identifier,event,purpose,notice,at\nemail,bob@example.org,given,newsletter,newsletter-v1,2024-05-01\n"
	if status, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/imports", file); status != 200 || !strings.Contains(body, `"appended":1`) {
		t.Fatalf("%d %s", status, body)
	}
	l.ChangeKey()
	at, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Confirm.Withdraw(t.Context(), at.Query().Get("token")); err != nil {
		t.Fatal(err)
	}
	who, err := l.Keys.Identity(ledgertest.Email("stranger@example.org"))
	if err != nil || who.Tags[0].Generation() != 2 {
		t.Fatal(err)
	}
	if r, err := l.Store.Lookup(t.Context(), who.Tags[0]); err != nil || len(r.Objections) == 0 {
		t.Errorf("who took it back by an old link is not known: %+v, %v", r, err)
	}
	before, _ := l.Store.Head(t.Context())
	if err := l.Confirm.Withdraw(t.Context(), at.Query().Get("token")); err != nil {
		t.Fatal(err)
	}
	if again, err := l.Store.Head(t.Context()); err != nil || again.Position != before.Position {
		t.Errorf("who took it back already is not found: position %d after %d, %v", again.Position, before.Position, err)
	}
	status, body := l.Do(ledgertest.Officer, "POST", "/v1/corrections", `{"identifier":{"type":"email","value":"ada@example.org"},"corrects":1}`)
	if status != 200 {
		t.Errorf("an entry of before is not found: %d %s", status, body)
	}
	if status, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/imports", file); status != 200 || !strings.Contains(body, `"replayed":1`) {
		t.Errorf("a file that was imported before is imported again: %d %s", status, body)
	}
}
