package cli

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store/audit"
)

// file writes a file of a test and gives its name.
func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheckpointsAreKeptAndCompared(t *testing.T) {
	l := ledgertest.New(t).Start()
	x, ctx, key := open(t, l, ledgertest.Reader), t.Context(), ""
	for n := range 3 {
		l.Append("ada@example.org", ledgertest.Given("newsletter"))
		h, err := x.Head(ctx)
		if err != nil || (n > 0 && h.PublicKey != key) {
			t.Fatalf("%+v, %v", h, err)
		}
		key = h.PublicKey
	}
	older, err := x.Checkpoint(ctx, key, "")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := x.Checkpoint(ctx, key, older); err != nil || again != older {
		t.Fatalf("%q, %v", again, err)
	}
	l.Append("ada@example.org", consent.Event{Type: consent.EventAsked, Purpose: "newsletter"})
	newest, err := x.Checkpoint(ctx, key, older)
	if err != nil || newest == older {
		t.Fatalf("%q, %v", newest, err)
	}

	// Another ledger of the same controller, and one that lost an event, cannot pass for this one.
	other := ledgertest.New(t).Start()
	y := open(t, other, ledgertest.Reader)
	if _, err := y.Checkpoint(ctx, key, ""); !errors.Is(err, ErrUnsound) {
		t.Errorf("signed by another key: err = %v", err)
	}
	forked, err := l.Signer.Checkpoint("X", 3, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Checkpoint(ctx, key, string(forked)); !errors.Is(err, ErrUnsound) || !strings.Contains(err.Error(), "between 3 and 4") {
		t.Errorf("the log does not go on from that one: err = %v", err)
	}
	longer, err := l.Signer.Checkpoint("X", 9, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Checkpoint(ctx, key, string(longer)); !errors.Is(err, ErrUnsound) || !strings.Contains(err.Error(), "older backup") {
		t.Errorf("the log was longer: err = %v", err)
	}

	// The same by the file, without the ledger.
	o := VerifyOptions{Database: l.Database(), PublicKey: file(t, "pub", []byte(key+"\n")), Checkpoints: []string{file(t, "a", []byte(older)), file(t, "b", []byte(newest))}}
	r, err := VerifyLog(ctx, o)
	if err != nil || !r.Sound() || r.Checkpoints != 2 || r.Size != 4 {
		t.Fatalf("%+v, %v", r, err)
	}
	o.Checkpoints = append(o.Checkpoints, file(t, "c", longer))
	if r, err = VerifyLog(ctx, o); err != nil || r.Sound() {
		t.Fatalf("%+v, %v", r, err)
	}
	var out bytes.Buffer
	if err := PrintReport(&out, r); err != nil || !strings.Contains(out.String(), "NOT SOUND\n  position 5: ") {
		t.Errorf("%s, %v", out.String(), err)
	}
	for want, bad := range map[string]VerifyOptions{
		"give --checkpoint": {Database: l.Database(), PublicKey: o.PublicKey}, "give --receipt": {Database: l.Database(), Wording: "words.txt"},
	} {
		if _, err := VerifyLog(ctx, bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a flag that nothing is compared with: err = %v, want one about %q", err, want)
		}
	}
	o.PublicKey = ""
	if _, err := VerifyLog(ctx, o); err == nil || !strings.Contains(err.Error(), "--public-key") {
		t.Errorf("checkpoints without a key: err = %v", err)
	}
}

func TestExportAndReceiptAreVerifiedOffline(t *testing.T) {
	l := ledgertest.New(t)
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	l.Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	x, ctx := open(t, l, ledgertest.Officer), t.Context()
	pub := file(t, "pub", []byte(l.Signer.PublicKey()))
	to := filepath.Join(t.TempDir(), "ledger.jsonl")
	if err := x.Export(ctx, to); err != nil {
		t.Fatal(err)
	}
	if err := x.Export(ctx, to); !errors.Is(err, os.ErrExist) || !strings.Contains(err.Error(), "another name with --out") {
		t.Errorf("over another file: err = %v", err)
	}
	r, err := VerifyLog(ctx, VerifyOptions{Export: to, PublicKey: pub})
	if err != nil || !r.Sound() || r.Size != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	raw, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyLog(ctx, VerifyOptions{Export: file(t, "bad", bytes.Replace(raw, []byte("newsletter"), []byte("newslettes"), 1)), PublicKey: pub}); !errors.Is(err, audit.ErrExport) {
		t.Errorf("a changed export: err = %v", err)
	}
	refused := filepath.Join(t.TempDir(), "x")
	if err := open(t, l, ledgertest.Touchpoint).Export(ctx, refused); err == nil {
		t.Error("a touchpoint exported")
	}
	if _, err := os.Stat(refused); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half of an export was left: %v", err)
	}

	receipt, err := x.Receipt(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, receipt, "", "  "); err != nil {
		t.Fatal(err)
	}
	v, err := VerifyReceipt(VerifyOptions{Receipt: file(t, "receipt", indented.Bytes()), PublicKey: pub})
	if err != nil || !v.Holds || v.Position != 1 || v.Notice != "newsletter-v1" {
		t.Fatalf("%+v, %v", v, err)
	}
	if _, err := VerifyReceipt(VerifyOptions{Receipt: "receipt", PublicKey: pub, Checkpoints: []string{"c"}}); err == nil || !strings.Contains(err.Error(), "--checkpoint") {
		t.Errorf("with a checkpoint that nothing is compared with: err = %v", err)
	}
	var out bytes.Buffer
	if err := PrintReceipt(&out, v); err != nil || !strings.HasSuffix(out.String(), "holds\n") {
		t.Errorf("%s, %v", out.String(), err)
	}
	changed := bytes.Replace(receipt, []byte("MailboxConfirmed"), []byte("Signed"), 1)
	if v, err := VerifyReceipt(VerifyOptions{Receipt: file(t, "changed", changed), PublicKey: pub}); err != nil || v.Holds || v.Why == "" {
		t.Errorf("a changed receipt: %+v, %v", v, err)
	}
	if v, err := VerifyReceipt(VerifyOptions{Receipt: file(t, "receipt", receipt), PublicKey: pub, Wording: file(t, "w", []byte("x"))}); err != nil || v.Holds {
		t.Errorf("another wording: %+v, %v", v, err)
	}
}

// An export that breaks off within the log ends without its signature, and is neither taken for whole nor left behind.
func TestAnExportThatBreaksOffIsNotTakenForWhole(t *testing.T) {
	l := ledgertest.New(t).Start()
	for range 3 {
		l.Append("ada@example.org", ledgertest.Given("newsletter"))
	}
	db, err := sql.Open("sqlite", l.Database())
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), `PRAGMA foreign_keys = off; DELETE FROM events WHERE position = 2`)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "ledger.jsonl")
	if err := open(t, l, ledgertest.Officer).Export(t.Context(), to); err == nil {
		t.Error("it is said to be whole")
	}
	if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half of it was left: %v", err)
	}
}
