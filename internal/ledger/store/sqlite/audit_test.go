package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/audit"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/internal/ledger/storetest"
)

// Places of the log of storetest.Fill.
const (
	givenAt, withdrawnAt, linkedAt = storetest.GivenAt, storetest.WithdrawnAt, storetest.LinkedAt
	erasedFrom, erasedAt, size     = storetest.ErasedFrom, storetest.ErasedAt, storetest.FilledSize
)

var (
	identity = storetest.Identity
	fill     = storetest.Fill
)

// filled gives the file of a closed ledger, and checkpoints of it.
func filled(t *testing.T) (string, map[consent.Position]proof.Checkpoint) {
	t.Helper()
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), dir, "key", bytes.Repeat([]byte{7}, 32), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	checkpoints := fill(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, sqlite.FileName), checkpoints
}

func verify(t *testing.T, path string, checkpoints ...proof.Checkpoint) *audit.Report {
	t.Helper()
	a, err := sqlite.OpenAudit(t.Context(), path)
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

func TestASoundLedgerIsFoundSound(t *testing.T) {
	path, checkpoints := filled(t)
	var all []proof.Checkpoint
	for _, c := range checkpoints {
		all = append(all, c)
	}
	r := verify(t, path, all...)
	if !r.Sound() || r.Size != size || r.Erased != 3 || r.People != 314 || r.Root != proof.Format(checkpoints[size].Root) || r.Checkpoints != 4 {
		t.Fatalf("%+v", r)
	}
}

// copied gives a copy of a database after some statements.
func copied(t *testing.T, path string, statements ...string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(to, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", to)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := db.ExecContext(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestEveryTamperingIsFound(t *testing.T) {
	path, _ := filled(t)
	entry := func(at int, from, to string) string {
		return fmt.Sprintf(`UPDATE events SET entry = CAST(replace(CAST(entry AS TEXT), '%s', '%s') AS BLOB) WHERE position = %d`, from, to, at)
	}
	record := func(at int, from, to string) string {
		return fmt.Sprintf(`UPDATE identities SET record = CAST(replace(CAST(record AS TEXT), '%s', '%s') AS BLOB)
			WHERE id = (SELECT identity FROM events WHERE position = %d)`, from, to, at)
	}
	for name, c := range map[string]struct {
		at   consent.Position
		what string
		sql  []string
	}{
		"an event was changed":               {withdrawnAt, "was changed", []string{entry(withdrawnAt, "withdrawn", "asked")}},
		"a salt was changed":                 {givenAt, "was changed", []string{`UPDATE events SET salt = zeroblob(16) WHERE position = 301`}},
		"a salt was deleted":                 {givenAt, "deletes both", []string{`UPDATE events SET salt = NULL WHERE position = 301`}},
		"an entry was deleted":               {givenAt, "deletes both", []string{`UPDATE events SET entry = NULL WHERE position = 301`}},
		"a leaf was changed":                 {givenAt, "was changed", []string{`UPDATE events SET leaf = zeroblob(32) WHERE position = 301`}},
		"the leaf of an erased place":        {257, "a leaf from here to position 512", []string{`UPDATE events SET leaf = zeroblob(32) WHERE position = 308`}},
		"a leaf in the last tile":            {611, "was changed", []string{`UPDATE events SET leaf = zeroblob(32) WHERE position = 611`}},
		"a row was removed":                  {withdrawnAt, "1 entries are missing", []string{`DELETE FROM events WHERE position = 302`}},
		"the first row was removed":          {1, "1 entries are missing", []string{`DELETE FROM events WHERE position = 1`}},
		"the tail was cut":                   {601, "ends before its head", []string{`DELETE FROM events WHERE position > 600`}},
		"the tail was cut, and the head":     {601, "goes on after its head", []string{`UPDATE head SET position = 600`}},
		"everything was removed":             {1, "ends before its head", []string{`DELETE FROM events`}},
		"two were swapped":                   {givenAt, "entry of position 302", swap(301, 302)},
		"two leaves were swapped":            {givenAt, "was changed", []string{swapOf("leaf", 301, 302)}},
		"a withdrawal was erased":            {withdrawnAt, "nobody was erased", []string{`UPDATE events SET entry = NULL, salt = NULL WHERE position = 302`}},
		"what came after an erasure":         {311, "nobody was erased", []string{`UPDATE events SET entry = NULL, salt = NULL WHERE position = 311`}},
		"a record was widened":               {givenAt, "not what its events come to", []string{record(givenAt, `"status":"withdrawn"`, `"status":"given"`)}},
		"a record lost its objection":        {305, "not what its events come to", []string{record(304, `"scope":"all"`, `"scope":"purpose"`)}},
		"a record was emptied":               {1, "not what its events come to", []string{`UPDATE identities SET record = '{"position":1}' WHERE id = 1`}},
		"a record is nonsense":               {0, "cannot be read", []string{`UPDATE identities SET record = 'x' WHERE id = 1`}},
		"the record of an erased person":     {erasedFrom, "grant that no entry gives", []string{record(erasedAt, `{"position"`, fmt.Sprintf(`{"grants":[{"position":%d,"purpose":"newsletter","notice":"newsletter-v1","status":"given","since":"2026-01-01T00:00:00Z"}],"position"`, erasedFrom))}},
		"a person was removed":               {5, "names is not stored", []string{`PRAGMA foreign_keys = off`, `DELETE FROM tags WHERE identity = 5`, `DELETE FROM identities WHERE id = 5`}},
		"a person was made up":               {318, "no entry names it", []string{`INSERT INTO identities SELECT 99999, 99999, type, zeroblob(16), record, 0 FROM identities WHERE id = 7`, `INSERT INTO tags VALUES (zeroblob(16), 99999)`}},
		"a tag leads to somebody else":       {0, "leads to identity 7", []string{`UPDATE tags SET identity = 7 WHERE identity = 5`}},
		"a tag leads to nobody":              {0, "a tag of identity 5 leads to nobody", []string{`DELETE FROM tags WHERE tag = (SELECT min(tag) FROM tags WHERE identity = 5)`}},
		"a device became a customer":         {305, "is of type", []string{`UPDATE identities SET type = 'customer' WHERE type = 'device'`}},
		"an event is filed under others":     {withdrawnAt, "filed under other people", []string{`UPDATE events SET identity = 3 WHERE position = 302`}},
		"one of several is left out":         {305, "filed under other people", []string{`DELETE FROM named_identities WHERE position = 305`}},
		"an event leads past another":        {withdrawnAt, "leads to position 0", []string{`UPDATE events SET previous = 0 WHERE position = 302`}},
		"a person leads to an older event":   {withdrawnAt, "leads to position 301 as the newest", []string{`UPDATE identities SET latest = 301 WHERE latest = 302`}},
		"a link was removed":                 {305, "not linked any more", []string{`DELETE FROM links WHERE position = 305`}},
		"a link was made up":                 {305, "no event links", []string{`INSERT INTO links VALUES (9, 305)`}},
		"a separation was undone":            {linkedAt, "no event links", []string{`INSERT INTO links SELECT identity, 303 FROM events WHERE position = 303 UNION ALL SELECT identity, 303 FROM named_identities WHERE position = 303 AND named`}},
		"identities are filed with others":   {305, "filed with other identities", []string{`UPDATE identities SET cluster = id`}},
		"the frontier was changed":           {0, "frontier is not that of the leaves", []string{`UPDATE head SET frontier = substr(frontier, 1, 8) || zeroblob(length(frontier) - 8)`}},
		"the frontier is of another size":    {0, "frontier is that of a log of", []string{`UPDATE head SET frontier = CAST(x'0000000000000001' || zeroblob(32) AS BLOB)`}},
		"the frontier is nonsense":           {0, "malformed", []string{`UPDATE head SET frontier = x'01'`}},
		"a node was changed":                 {257, "a leaf from here to position 512", []string{`UPDATE nodes SET hash = zeroblob(32) WHERE place = 1`}},
		"a node was removed":                 {1, "is missing", []string{`DELETE FROM nodes WHERE place = 0`}},
		"a node was made up":                 {513, "a leaf from here", []string{`INSERT INTO nodes VALUES (8, 2, zeroblob(32))`}},
		"time goes back":                     {givenAt, "was changed", []string{entry(givenAt, `"at":"20`, `"at":"19`)}},
		"the events of a person were merged": {withdrawnAt, "was changed", []string{`UPDATE events SET entry = (SELECT entry FROM events WHERE position = 301), leaf = leaf WHERE position = 302`}},
	} {
		t.Run(name, func(t *testing.T) {
			r := verify(t, copied(t, path, c.sql...))
			if r.Sound() {
				t.Fatal("found sound")
			}
			if !slices.ContainsFunc(r.Findings, func(f audit.Finding) bool { return f.Position == c.at && strings.Contains(f.What, c.what) }) {
				t.Fatalf("no finding at %d about %q: %+v", c.at, c.what, r.Findings)
			}
		})
	}
}

func swap(a, b int) []string {
	return []string{
		fmt.Sprintf(`UPDATE events SET position = -1 WHERE position = %d`, a), fmt.Sprintf(`UPDATE events SET position = %d WHERE position = %d`, a, b),
		fmt.Sprintf(`UPDATE events SET position = %d WHERE position = -1`, b),
	}
}

func swapOf(column string, a, b int) string {
	return fmt.Sprintf(`UPDATE events SET %[1]s = (SELECT e.%[1]s FROM events e WHERE e.position = %[2]d + %[3]d - events.position) WHERE position IN (%[2]d, %[3]d)`, column, a, b)
}

// Whoever may write everything makes another log that is sound by itself. What shows it is a checkpoint that was kept elsewhere.
func TestCheckpointsShowWhatALogCannot(t *testing.T) {
	_, checkpoints := filled(t)
	other, _ := filled(t) // the same events with other salts
	if r := verify(t, other); !r.Sound() {
		t.Fatalf("%+v", r.Findings)
	}
	for at, c := range checkpoints {
		r := verify(t, other, c)
		if r.Sound() || r.Findings[0].Position != at || !strings.Contains(r.Findings[0].What, "signed another root") {
			t.Errorf("a rewritten log, by the checkpoint of %d: %+v", at, r.Findings)
		}
	}

	// A backup from before the newest checkpoint.
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), dir, "key", bytes.Repeat([]byte{7}, 32), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	all := fill(t, s)
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := sqlite.Backup(t.Context(), filepath.Join(dir, sqlite.FileName), backup); err != nil {
		t.Fatal(err)
	}
	r, errs, err := s.Append(t.Context(), store.Append{Identities: []store.Identity{identity(consent.IdentifierEmail, 3)}, Event: consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"}})
	if err := errors.Join(err, errs[0], s.Close()); err != nil {
		t.Fatal(err)
	}
	newest := proof.Checkpoint{Origin: proof.Origin("key", "EPOCH"), Size: r[0].Size, Root: r[0].Root}
	if r := verify(t, filepath.Join(dir, sqlite.FileName), newest, all[size]); !r.Sound() {
		t.Errorf("%+v", r.Findings)
	}
	got := verify(t, backup, newest, all[size])
	if got.Sound() || got.Findings[0].Position != size+1 || !strings.Contains(got.Findings[0].What, "older backup") {
		t.Errorf("an older backup: %+v", got.Findings)
	}
}

func TestARunningLedgerCanBeVerified(t *testing.T) {
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), dir, "key", bytes.Repeat([]byte{7}, 32), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s)
	if r := verify(t, filepath.Join(dir, sqlite.FileName)); !r.Sound() || r.Size != size {
		t.Fatalf("%+v", r)
	}
}

func TestALedgerOfBeforeIsNotVerified(t *testing.T) {
	path, _ := filled(t)
	_, err := sqlite.OpenAudit(t.Context(), copied(t, path, `ALTER TABLE head DROP COLUMN keyed`))
	if err == nil || !strings.Contains(err.Error(), "brings it up to date") {
		t.Errorf("err = %v", err)
	}
}

func TestWhatIsNoLedgerIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if _, err := sqlite.OpenAudit(t.Context(), path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("err = %v", err)
	}
	if err := os.WriteFile(path, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.OpenAudit(t.Context(), path); err == nil || !strings.Contains(err.Error(), "no database of a ledger") {
		t.Errorf("err = %v", err)
	}
}
