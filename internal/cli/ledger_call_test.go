package cli

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	limits "github.com/optup/optup/internal/ledger/api"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/problem"
)

// TestWhoIsAskedToSlowDownDoes: the call beyond the limit waits for as long as the ledger says, and comes again with all that it had.
func TestWhoIsAskedToSlowDownDoes(t *testing.T) {
	const atOnce = 60
	l := ledgertest.New(t)
	l.Limits = limits.Limits{Lookups: atOnce, Imports: atOnce}
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	l.Start()
	officer := open(t, l, ledgertest.Officer)
	for range atOnce + 1 {
		if _, err := officer.Lookup(t.Context(), ledgertest.Email("anna@example.org")); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(name, []byte(csvHeader+"email,anna@example.org,withdrawn,newsletter,,,,,,,,,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for range atOnce + 1 {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if out, err := officer.Import(t.Context(), file, "", true); err != nil || out.Appended != 1 {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	// What cannot be sent again is not.
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		var p *problem.Problem
		if _, err = officer.Import(t.Context(), io.MultiReader(file), "", true); errors.As(err, &p) && p.Status == http.StatusTooManyRequests {
			return
		}
	}
	t.Fatalf("a pipe was sent again: %v", err)
}
