package sqlite

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/seal"
	"github.com/optup/optup/internal/ledger/storetest"
)

var wrapping = bytes.Repeat([]byte{7}, 32)

// files reads every file of a data directory, journals included, and copies them beside it as a backup would.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = content
	}
	return out
}

func wantInNoFile(t *testing.T, all map[string][]byte, what []byte) {
	t.Helper()
	for name, content := range all {
		if bytes.Contains(content, what) {
			t.Errorf("%s holds it", name)
		}
	}
}

const seeded = "ada.lovelace@seeded.example"

func append1(t *testing.T, s *Store, a store.Append) {
	t.Helper()
	_, refused, err := s.Append(t.Context(), a)
	if err := errors.Join(append(refused, err)...); err != nil {
		t.Fatal(err)
	}
}

// wrapped gives the only key in the file of keys.
func wrapped(t *testing.T, s *Store) (raw []byte) {
	t.Helper()
	if err := s.keys.db.QueryRow(`SELECT wrapped FROM keys`).Scan(&raw); err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestNobodyIsInTheFiles(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	defer s.Close()
	a := storetest.Given(1)
	a.Attachments = []store.Attachment{{Kind: store.KindAddress, Body: []byte(seeded)}, {Kind: store.KindMail, Body: []byte("to " + seeded), Due: time.Now()}}
	append1(t, s, a)
	if _, err := s.Due(t.Context(), store.KindMail, time.Now(), time.Minute, 1); err != nil {
		t.Fatal(err)
	}
	all := files(t, dir)
	if len(all[FileName+"-wal"]) == 0 || len(all[KeyFileName]) == 0 {
		t.Fatalf("files are missing: %d", len(all))
	}
	wantInNoFile(t, all, []byte("ada.lovelace"))
	sum := sha256.Sum256([]byte(seeded))
	wantInNoFile(t, all, sum[:])
	for name := range all {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
}

// What a backup kept of the database is of no use once the key is gone, and nothing of the key is left in any file.
func TestNoBackupBringsBackWhatWasShredded(t *testing.T) {
	for name, erase := range map[string]func(t *testing.T, s *Store){
		"by an erased event": func(t *testing.T, s *Store) {
			append1(t, s, storetest.About(1, consent.Event{Type: consent.EventErased, Actor: consent.ActorOfficer}))
		},
		"by hand": func(t *testing.T, s *Store) {
			if err := s.Shred(t.Context(), storetest.Tag(1)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, backup := t.TempDir(), t.TempDir()
			s := openIn(t, dir)
			a := storetest.Given(1)
			a.Attachments = []store.Attachment{{Kind: store.KindEvidence, Body: []byte(seeded)}}
			append1(t, s, a)
			key := wrapped(t, s)
			for name, content := range files(t, dir) {
				if name != KeyFileName {
					if err := os.WriteFile(filepath.Join(backup, name), content, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			erase(t, s)
			wantInNoFile(t, files(t, dir), key)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			left := files(t, dir)
			wantInNoFile(t, left, key)

			// Restored beside the keys that are left, with the root key at hand.
			if err := os.WriteFile(filepath.Join(backup, KeyFileName), left[KeyFileName], 0o600); err != nil {
				t.Fatal(err)
			}
			restored := openIn(t, backup)
			defer restored.Close()
			var sealed int
			if err := restored.reader.QueryRow(`SELECT count(*) FROM attachments`).Scan(&sealed); err != nil || sealed != 1 {
				t.Fatalf("the backup holds %d attachments, %v", sealed, err)
			}
			if got, err := restored.Attachments(t.Context(), storetest.Tag(1)); err != nil || len(got) != 0 {
				t.Fatalf("%d can be read again, %v", len(got), err)
			}
		})
	}
}

func TestABodyInAnotherPlaceIsNotRead(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	for n := range 2 {
		a := storetest.Given(n)
		a.Attachments = []store.Attachment{{Kind: store.KindEvidence, Body: []byte("of one of them")}}
		append1(t, s, a)
	}
	if _, err := s.writer.Exec(`UPDATE attachments SET identity = 3 - identity`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Attachments(t.Context(), storetest.Tag(0)); !errors.Is(err, seal.ErrSealed) {
		t.Fatalf("err = %v", err)
	}
}

// A key that is not durable before its event would be the loss of what it sealed.
func TestKeysAreDurable(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	var mode string
	var sync, secure int
	if err := errors.Join(s.keys.db.QueryRow("PRAGMA journal_mode").Scan(&mode), s.keys.db.QueryRow("PRAGMA synchronous").Scan(&sync),
		s.keys.db.QueryRow("PRAGMA secure_delete").Scan(&secure)); err != nil {
		t.Fatal(err)
	}
	if mode != "delete" || sync != 3 || secure != 1 {
		t.Fatalf("journal_mode %s, synchronous %d, secure_delete %d; want delete, 3 (EXTRA) and 1", mode, sync, secure)
	}
	// The main transaction fails after the key was made: the next one makes another, and what comes then can be read.
	if err := s.write(t.Context(), "x", func(tx *sql.Tx) error {
		if _, err := s.keys.create(t.Context(), 1); err != nil {
			return err
		}
		return errors.New("it fails")
	}); err == nil {
		t.Fatal("it does not fail")
	}
	a := storetest.Given(1)
	a.Attachments = []store.Attachment{{Kind: store.KindEvidence, Body: []byte("x")}}
	append1(t, s, a)
	if got, err := s.Attachments(t.Context(), storetest.Tag(1)); err != nil || len(got) != 1 {
		t.Fatalf("%d, %v", len(got), err)
	}
}

// The keys go first, for good. A process that dies before the erased event is committed has shredded, and whoever comes next still erases.
func TestAnErasureThatDiedHalfwayIsDoneAgain(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	a := storetest.Given(1)
	a.Attachments = []store.Attachment{{Kind: store.KindEvidence, Body: []byte(seeded)}}
	append1(t, s, a)
	append1(t, s, storetest.About(1, consent.Event{Type: consent.EventErasureRequested}))
	key := wrapped(t, s)
	died := errors.New("the process died here")
	if err := func() error {
		tx, err := s.writer.BeginTx(t.Context(), nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // that is what happens to it
		if err := s.keys.erase(t.Context(), other{tx}, []int64{1}); err != nil {
			return err
		}
		return died
	}(); !errors.Is(err, died) {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openIn(t, dir)
	defer s.Close()
	wantInNoFile(t, files(t, dir), key)
	if got, err := s.Attachments(t.Context(), storetest.Tag(1), store.KindEvidence); err != nil || len(got) != 0 {
		t.Fatalf("%d can be read, %v", len(got), err)
	}
	later := time.Now().Add(time.Hour)
	due, err := s.Due(t.Context(), store.KindErasure, later, time.Minute, 10)
	if err != nil || len(due) != 1 || due[0].Tag != storetest.Tag(1) {
		t.Fatalf("%d requests are due, %v: the person is never erased", len(due), err)
	}
	append1(t, s, storetest.About(1, consent.Event{Type: consent.EventErased}))
	if b, err := s.Backlog(t.Context(), store.KindErasure, later); err != nil || b.Waiting != 0 {
		t.Fatalf("%+v, %v", b, err)
	}
	if l, err := s.Entries(t.Context(), 1, 10); err != nil || len(l) != 3 || l[0].Entry != nil || l[1].Entry != nil || l[2].Entry == nil {
		t.Fatalf("%d entries, %v", len(l), err)
	}
}
