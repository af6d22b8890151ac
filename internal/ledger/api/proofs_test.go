package api_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/receipt"
	"github.com/optup/optup/internal/ledger/store/audit"
)

const signed = `{"type":"given","purpose":"newsletter","notice":"newsletter-v1","proof":"Signed"}`

// proving runs a ledger with a bundle and some events, of which the third is a withdrawal of the second.
func proving(t *testing.T) *ledgertest.Ledger {
	t.Helper()
	l := ledgertest.New(t)
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	l.Start()
	l.Append("bob@example.org", ledgertest.Given("newsletter"))
	at := l.Append("ada@example.org", ledgertest.Given("newsletter"))
	l.Append("ada@example.org", consent.Event{Type: consent.EventWithdrawn, Grant: at, Actor: consent.ActorPerson})
	return l
}

func get[T any](t *testing.T, l *ledgertest.Ledger, subject, path string) T {
	t.Helper()
	status, body := l.Do(subject, "GET", path, "")
	var out T
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, status, body)
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func hashes(t *testing.T, texts ...string) []proof.Hash {
	t.Helper()
	out := make([]proof.Hash, len(texts))
	for i, s := range texts {
		b, err := hex.DecodeString(s)
		if err != nil || len(b) != len(out[i]) {
			t.Fatalf("%q is no hash", s)
		}
		out[i] = proof.Hash(b)
	}
	return out
}

// An acknowledged event can be proven against the log that its acknowledgement names, and against every later one.
func TestWhatIsAcknowledgedIsProvable(t *testing.T) {
	l := proving(t)
	status, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/events", eventBody("eve@example.org", signed))
	var ack struct {
		Position, Size consent.Position
		Root, Leaf     string
		Receipt        *receipt.Receipt
	}
	if err := json.Unmarshal([]byte(body), &ack); err != nil || status != http.StatusCreated || ack.Size != 4 || ack.Position != 4 || ack.Receipt != nil {
		t.Fatalf("%d %s", status, body)
	}
	key := get[struct{ PublicKey string }](t, l, ledgertest.Touchpoint, "/v1/head").PublicKey
	for range 3 {
		l.Append("bob@example.org", consent.Event{Type: consent.EventAsked, Purpose: "newsletter"})
		_, note := l.Do(ledgertest.Reader, "GET", "/v1/checkpoint", "")
		c, err := proof.OpenCheckpoint([]byte(note), key)
		if err != nil {
			t.Fatal(err)
		}
		p := get[struct {
			Leaf, Root string
			Path       []string
			Size       consent.Position
		}](t, l, ledgertest.Touchpoint, fmt.Sprintf("/v1/proofs/4?size=%d", c.Size))
		if p.Leaf != ack.Leaf || p.Root != proof.Format(c.Root) {
			t.Fatalf("%+v", p)
		}
		if err := proof.VerifyInclusion(4, c.Size, hashes(t, ack.Leaf)[0], hashes(t, p.Path...), c.Root); err != nil {
			t.Fatal(err)
		}
		k := get[struct{ Path []string }](t, l, ledgertest.Reader, fmt.Sprintf("/v1/consistency?from=4&to=%d", c.Size))
		if err := proof.VerifyConsistency(4, c.Size, hashes(t, k.Path...), hashes(t, ack.Root)[0], c.Root); err != nil {
			t.Fatal(err)
		}
	}
}

// The checkpoint that is kept is only served while it is the newest.
func TestCheckpointsAreNeverOld(t *testing.T) {
	l := proving(t)
	key := l.Signer.PublicKey()
	for n := consent.Position(3); n < 8; n++ {
		for range 2 {
			_, note := l.Do(ledgertest.Officer, "GET", "/v1/checkpoint", "")
			if c, err := proof.OpenCheckpoint([]byte(note), key); err != nil || c.Size != n {
				t.Fatalf("%+v, %v; want size %d", c, err, n)
			}
		}
		l.Append("bob@example.org", consent.Event{Type: consent.EventAsked, Purpose: "newsletter"})
	}
}

func TestProofsThatAreNotThere(t *testing.T) {
	l := proving(t)
	for path, want := range map[string]int{
		"/v1/proofs/4": 404, "/v1/proofs/1?size=4": 404, "/v1/proofs/3?size=2": 404, "/v1/proofs/0": 400, "/v1/proofs/x": 400, "/v1/proofs/1?size=x": 400,
		"/v1/consistency": 400, "/v1/consistency?from=5": 404, "/v1/consistency?from=2&to=1": 404, "/v1/consistency?from=-1": 400,
		"/v1/receipts/4": 404, "/v1/receipts/0": 400,
		"/v1/proofs/1": 200, "/v1/proofs/3?size=3": 200, "/v1/consistency?from=0": 200, "/v1/consistency?from=3": 200, "/v1/receipts/3": 200,
	} {
		if status, body := l.Do(ledgertest.Officer, "GET", path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, path := range []string{"/v1/receipts/1", "/v1/export"} {
		for _, subject := range []string{ledgertest.Touchpoint, ledgertest.Reader} {
			if status, _ := l.Do(subject, "GET", path, ""); status != http.StatusForbidden {
				t.Errorf("%s as %s: %d", path, subject, status)
			}
		}
	}
	for _, path := range []string{"/v1/checkpoint", "/v1/proofs/1", "/v1/consistency?from=1"} {
		if status, _ := l.Do("system:serviceaccount:shop:stranger", "GET", path, ""); status != http.StatusForbidden {
			t.Errorf("%s as a stranger: %d", path, status)
		}
	}
}

func TestReceiptsAtAcknowledgementAndLater(t *testing.T) {
	l := proving(t)
	status, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/events?receipt=true", eventBody("eve@example.org", signed))
	if status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	var ack struct{ Receipt json.RawMessage }
	if err := json.Unmarshal([]byte(body), &ack); err != nil {
		t.Fatal(err)
	}
	l.Append("bob@example.org", consent.Event{Type: consent.EventAsked, Purpose: "newsletter"})
	_, later := l.Do(ledgertest.Officer, "GET", "/v1/receipts/4", "")
	if strings.TrimSpace(later) != string(ack.Receipt) {
		t.Fatalf("the receipt changed:\n%s\n%s", ack.Receipt, later)
	}
	r, err := receipt.Parse(ack.Receipt)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receipt.Verify(r, l.Signer.PublicKey()); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(later, "eve@") {
		t.Fatal("the receipt names a person")
	}
	// A withdrawal that names its grant alone still says which purpose it ends.
	w, err := receipt.Parse([]byte(second(l.Do(ledgertest.Officer, "GET", "/v1/receipts/3", ""))))
	if err != nil || len(w.Record.Processing.Purposes) != 1 || w.Record.Processing.Purposes[0].Purpose != "newsletter" || w.Record.Event.State != "dpv:ConsentWithdrawn" {
		t.Fatalf("%+v, %v", w.Record, err)
	}
	// After an erasure there is nothing to issue, and what was issued holds.
	l.Append("eve@example.org", consent.Event{Type: consent.EventErased, Actor: consent.ActorOfficer})
	if status, body := l.Do(ledgertest.Officer, "GET", "/v1/receipts/4", ""); status != http.StatusGone {
		t.Fatalf("%d %s", status, body)
	}
	if _, err := receipt.Verify(r, l.Signer.PublicKey()); err != nil {
		t.Fatal(err)
	}
}

func second(_ int, body string) string { return body }

func TestExportIsSignedAndWhole(t *testing.T) {
	l := proving(t)
	status, body := l.Do(ledgertest.Officer, "GET", "/v1/export", "")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	if strings.Contains(body, "@example") {
		t.Fatal("it names a person")
	}
	f, err := audit.OpenExport(bytes.NewReader([]byte(body)), l.Signer.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	if r, err := audit.Verify(t.Context(), f, audit.Options{}); err != nil || !r.Sound() || r.Size != 3 || f.Controller != ledgertest.Controller {
		t.Fatalf("%+v, %v", r, err)
	}
}
