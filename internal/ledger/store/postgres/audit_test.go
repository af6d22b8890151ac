package postgres

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store/audit"
	"github.com/optup/optup/internal/ledger/storetest"
	"github.com/optup/optup/internal/testkit/postgres"
)

func verify(t *testing.T, url string, checkpoints ...proof.Checkpoint) *audit.Report {
	t.Helper()
	a, err := OpenAudit(t.Context(), at(url))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	r, err := audit.Verify(t.Context(), a, audit.Options{Checkpoints: checkpoints})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The cases of SQLite, as far as tables differ.
func TestTamperingIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		at   consent.Position
		what string
		sql  string
	}{
		"nothing was changed":     {0, "", `SELECT 1`},
		"an event was changed":    {302, "was changed", `UPDATE events SET entry = convert_to(replace(convert_from(entry, 'UTF8'), 'withdrawn', 'asked'), 'UTF8') WHERE position = 302`},
		"a leaf was changed":      {301, "was changed", `UPDATE events SET leaf = sha256('x') WHERE position = 301`},
		"a row was removed":       {302, "1 entries are missing", `DELETE FROM events WHERE position = 302`},
		"the tail was cut":        {601, "ends before its head", `DELETE FROM events WHERE position > 600`},
		"a withdrawal was erased": {302, "nobody was erased", `UPDATE events SET entry = NULL, salt = NULL WHERE position = 302`},
		"a record was widened": {301, "not what its events come to", `UPDATE identities SET record = convert_to(replace(convert_from(record, 'UTF8'),
			'"status":"withdrawn"', '"status":"given"'), 'UTF8') WHERE id = (SELECT identity FROM events WHERE position = 301)`},
		"a tag leads to somebody else":     {0, "leads to identity 7", `UPDATE tags SET identity = 7 WHERE identity = 5`},
		"an event is filed under others":   {302, "filed under other people", `UPDATE events SET identity = 3 WHERE position = 302`},
		"an event leads past another":      {302, "leads to position 0", `UPDATE events SET previous = 0 WHERE position = 302`},
		"somebody leads to an older event": {302, "leads to position 301 as the newest", `UPDATE identities SET latest = 301 WHERE latest = 302`},
		"one of several is left out":       {305, "filed under other people", `DELETE FROM event_identities WHERE position = 305`},
		"a link was removed":               {305, "not linked any more", `DELETE FROM links WHERE position = 305`},
		"identities are filed with others": {305, "filed with other identities", `UPDATE identities SET cluster = id`},
		"the frontier was changed":         {0, "frontier is not that of the leaves", `UPDATE head SET frontier = substr(frontier, 1, length(frontier) - 32) || sha256('x')`},
		"a node was changed":               {257, "a leaf from here to position 512", `UPDATE nodes SET hash = sha256('x') WHERE index = 1`},
		"a node was removed":               {1, "is missing", `DELETE FROM nodes WHERE index = 0`},
	} {
		t.Run(name, func(t *testing.T) {
			url := postgres.Shared(t).Database(t)
			s := open(t, url)
			kept := storetest.Fill(t, s)
			if _, err := s.pool.Exec(t.Context(), c.sql); err != nil {
				t.Fatal(err)
			}
			r := verify(t, url, checkpointsOf(kept, "key-1")...)
			if c.what == "" {
				if !r.Sound() || r.Size != storetest.FilledSize || r.Erased != 3 || r.Checkpoints != 4 {
					t.Fatalf("%+v", r)
				}
				return
			}
			if !slices.ContainsFunc(r.Findings, func(f audit.Finding) bool { return f.Position == c.at && strings.Contains(f.What, c.what) }) {
				t.Fatalf("no finding at %d about %q: %+v", c.at, c.what, r.Findings)
			}
		})
	}
}

// checkpointsOf are those of a ledger with a key.
func checkpointsOf(kept map[consent.Position]proof.Checkpoint, key string) []proof.Checkpoint {
	var out []proof.Checkpoint
	for _, c := range kept {
		c.Origin = proof.Origin(key, c.Epoch())
		out = append(out, c)
	}
	return out
}

// A log that was rewritten, or an older copy, is sound by itself and not by a checkpoint.
func TestCheckpointsShowAnotherLog(t *testing.T) {
	url, other := postgres.Shared(t).Database(t), postgres.Shared(t).Database(t)
	kept := storetest.Fill(t, open(t, url))
	storetest.Fill(t, open(t, other)) // the same events with other salts
	if r := verify(t, other); !r.Sound() {
		t.Fatalf("%+v", r)
	}
	if r := verify(t, other, checkpointsOf(kept, "key-1")...); r.Sound() || !strings.Contains(r.Findings[0].What, "signed another root") {
		t.Fatalf("%+v", r)
	}
	longer := proof.Checkpoint{Origin: proof.Origin("key-1", "EPOCH"), Size: storetest.FilledSize + 1}
	if r := verify(t, url, longer); r.Sound() || !strings.Contains(r.Findings[0].What, "older backup") {
		t.Fatalf("%+v", r)
	}
}

// TestAnExportBecomesTheSameLedger, erased places included, and goes on from there.
func TestAnExportBecomesTheSameLedger(t *testing.T) {
	server := postgres.Shared(t)
	root := keys.NewRoot()
	stream, err := root.Stream("shop")
	if err != nil {
		t.Fatal(err)
	}
	keyed := func(url string) *Store {
		o := options(t, url)
		o.KeyID = stream.ID()
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	from := keyed(server.Database(t))
	storetest.Fill(t, from)
	head, err := from.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	signer, err := root.Signer("shop")
	if err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	x := audit.Exported{Controller: "shop", KeyID: stream.ID(), Epoch: head.Epoch, Size: head.Position}
	if err := audit.Export(t.Context(), &raw, x, head.Root, from, signer); err != nil {
		t.Fatal(err)
	}
	f, err := audit.OpenExport(bytes.NewReader(raw.Bytes()), signer.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	url := server.Database(t)
	to := keyed(url)
	if err := to.Import(t.Context(), f, func(string, consent.Position, consent.Position) {}); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, url); !r.Sound() || r.Root != proof.Format(head.Root) || r.Erased != 3 {
		t.Fatalf("%+v", r)
	}
	if err := to.Import(t.Context(), f, func(string, consent.Position, consent.Position) {}); !errors.Is(err, audit.ErrExport) {
		t.Fatalf("imported twice: %v", err)
	}
	if r, ok := appended(t, to, storetest.Given(50)); !ok || r.Position != head.Position+1 {
		t.Fatal(r)
	}
}
