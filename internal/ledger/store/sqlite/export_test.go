package sqlite_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/audit"
	"github.com/optup/optup/internal/ledger/store/sqlite"
)

func quiet(string, consent.Position, consent.Position) {}

func open(t *testing.T, dir, key string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, key, bytes.Repeat([]byte{7}, 32), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// exported gives the export of a filled ledger, and the public key that verifies it.
func exported(t *testing.T) (s *sqlite.Store, signer *keys.Signer, out []byte) {
	t.Helper()
	root := keys.NewRoot()
	stream, errStream := root.Stream("shop")
	signer, errSigner := root.Signer("shop")
	if err := errors.Join(errStream, errSigner); err != nil {
		t.Fatal(err)
	}
	s = open(t, t.TempDir(), stream.ID())
	fill(t, s)
	head, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err = audit.Export(t.Context(), &b, audit.Exported{Controller: "shop", KeyID: stream.ID(), Epoch: head.Epoch, Size: head.Position}, head.Root, s, signer)
	if err != nil {
		t.Fatal(err)
	}
	return s, signer, b.Bytes()
}

func TestAnExportBecomesTheSameLedger(t *testing.T) {
	from, signer, raw := exported(t)
	f, err := audit.OpenExport(bytes.NewReader(raw), signer.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.Verify(t.Context(), f, audit.Options{})
	if err != nil || !r.Sound() || r.Size != size || r.Erased != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	dir := t.TempDir()
	to := open(t, dir, f.KeyID)
	if err := to.Import(t.Context(), f, quiet); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, filepath.Join(dir, sqlite.FileName), f.Checkpoint); !r.Sound() || r.Root != proof.Format(f.Checkpoint.Root) {
		t.Fatalf("%+v", r)
	}
	want, errWant := from.Head(t.Context())
	got, errGot := to.Head(t.Context())
	if err := errors.Join(errWant, errGot); err != nil {
		t.Fatal(err)
	}
	if got.Position != want.Position || got.Root != want.Root || !got.At.Equal(want.At) || got.Hashed != want.Hashed || got.Epoch == want.Epoch {
		t.Fatalf("%+v, want %+v in another epoch", got, want)
	}
	for _, n := range []int{1, 2, 5, 299, 1000} {
		for _, tag := range identity(consent.IdentifierEmail, n).Tags {
			a, errA := from.Lookup(t.Context(), tag)
			b, errB := to.Lookup(t.Context(), tag)
			if err := errors.Join(errA, errB); err != nil || fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", b) {
				t.Fatalf("person %d is another one: %v", n, err)
			}
		}
	}
	// It goes on from there, and takes no second export.
	results, errs, err := to.Append(t.Context(), store.Append{
		Identities: []store.Identity{identity(consent.IdentifierEmail, 5)}, Event: consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"},
	})
	if err := errors.Join(err, errs[0]); err != nil || results[0].Position != size+1 {
		t.Fatalf("%+v, %v", results, err)
	}
	if r := verify(t, filepath.Join(dir, sqlite.FileName), f.Checkpoint); !r.Sound() || r.Size != size+1 {
		t.Fatalf("%+v", r)
	}
	if err := to.Import(t.Context(), f, quiet); !errors.Is(err, audit.ErrExport) {
		t.Fatalf("a second export: err = %v", err)
	}
}

func TestExportsHoldNothingReadable(t *testing.T) {
	_, _, raw := exported(t)
	for _, no := range []string{"@", "sealed", "attachment"} {
		if bytes.Contains(raw, []byte(no)) {
			t.Errorf("it holds %q", no)
		}
	}
}

func TestBrokenExportsAreRefused(t *testing.T) {
	_, signer, raw := exported(t)
	lines := strings.SplitAfter(strings.TrimSuffix(string(raw), "\n"), "\n")
	with := func(change func(l []string) []string) string { return strings.Join(change(slices.Clone(lines)), "") }
	for name, c := range map[string]struct {
		export string
		within bool // it is found out even if the ledger itself signed it
	}{
		"it is empty":              {"", false},
		"it was cut":               {string(raw[:len(raw)/2]), false},
		"its end was cut":          {with(func(l []string) []string { return l[:len(l)-1] }), false},
		"its beginning was cut":    {with(func(l []string) []string { return l[1:] }), false},
		"of a version to come":     {with(func(l []string) []string { l[0] = strings.Replace(l[0], `"version":1`, `"version":2`, 1); return l }), false},
		"it says another size":     {with(func(l []string) []string { l[0] = strings.Replace(l[0], `"size":620`, `"size":619`, 1); return l }), false},
		"it says another epoch":    {with(func(l []string) []string { l[0] = strings.Replace(l[0], `"epoch":"`, `"epoch":"X`, 1); return l }), false},
		"signed by another ledger": {with(func(l []string) []string { l[len(l)-1] = foreign(t); return l }), false},
		"a line is missing":        {with(func(l []string) []string { return slices.Delete(l, 7, 8) }), true},
		"a line stands twice":      {with(func(l []string) []string { return slices.Insert(l, 7, l[7]) }), true},
		"two lines were swapped":   {with(func(l []string) []string { l[7], l[8] = l[8], l[7]; return l }), true},
		"an event was changed":     {with(func(l []string) []string { l[302] = strings.Replace(l[302], "withdrawn", "asked", 1); return l }), true},
		"an entry was left out":    {with(func(l []string) []string { l[302] = l[302][:strings.Index(l[302], `,"salt"`)] + "}\n"; return l }), false},
		"something follows":        {string(raw) + "{}\n", false},
		"a line is no place":       {with(func(l []string) []string { l[7] = "[]\n"; return l }), true},
		"a line says more":         {with(func(l []string) []string { l[7] = `{"more":1,` + l[7][1:]; return l }), true},
		"a salt of another size":   {with(func(l []string) []string { l[7] = strings.Replace(l[7], `"salt":"`, `"salt":"00`, 1); return l }), true},
		"the leaf of an erased person": {with(func(l []string) []string {
			l[308] = strings.Replace(l[308], `"leaf":"`, `"leaf":"`, 1)
			l[308] = l[308][:20] + flip(l[308][20:])
			return l
		}), true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := audit.OpenExport(strings.NewReader(c.export), signer.PublicKey())
			if !errors.Is(err, audit.ErrExport) {
				t.Fatalf("err = %v", err)
			}
			if !c.within {
				return
			}
			f, err := audit.OpenExport(strings.NewReader(resign(t, signer, c.export)), signer.PublicKey())
			if err != nil {
				t.Fatal(err)
			}
			r, err := audit.Verify(t.Context(), f, audit.Options{})
			if err == nil && r.Sound() {
				t.Fatal("found sound")
			}
			// Whoever imports without looking gets nothing either.
			dir := t.TempDir()
			to := open(t, dir, f.KeyID)
			if err := to.Import(t.Context(), f, quiet); err == nil {
				t.Fatal("imported")
			}
			if h, err := to.Head(t.Context()); err != nil || h.Position != 0 {
				t.Fatalf("a part of it was imported: %+v, %v", h, err)
			}
		})
	}
}

// resign signs a changed export again.
func resign(t *testing.T, signer *keys.Signer, export string) string {
	t.Helper()
	at := strings.LastIndex(strings.TrimSuffix(export, "\n"), "\n") + 1
	sum := sha256.Sum256([]byte(export[:at]))
	signed, err := signer.Statement("optup.dev/export/v1\n" + hex.EncodeToString(sum[:]) + "\n")
	if err != nil {
		t.Fatal(err)
	}
	var last map[string]string
	if err := json.Unmarshal([]byte(export[at:]), &last); err != nil {
		t.Fatal(err)
	}
	last["statement"] = string(signed)
	raw, err := json.Marshal(last)
	if err != nil {
		t.Fatal(err)
	}
	return export[:at] + string(raw) + "\n"
}

// flip changes the first hexadecimal digit of a leaf.
func flip(s string) string {
	i := strings.Index(s, `"leaf":"`) + len(`"leaf":"`)
	if s[i] == '0' {
		return s[:i] + "1" + s[i+1:]
	}
	return s[:i] + "0" + s[i+1:]
}

func foreign(t *testing.T) string {
	t.Helper()
	_, _, raw := exported(t)
	return string(raw[bytes.LastIndexByte(raw[:len(raw)-1], '\n')+1:])
}

// Backups are taken while 16 writers append, are sound, and hold everything that was acknowledged before they began.
func TestBackupWhileOthersWrite(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, "key")
	var all sync.WaitGroup
	done := make(chan struct{})
	var mu sync.Mutex
	var acknowledged consent.Position
	for w := range 16 {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				r, errs, err := s.Append(t.Context(), store.Append{
					Identities: []store.Identity{identity(consent.IdentifierEmail, w*1000+n%50)},
					Event:      consent.Event{Type: consent.EventAsked, Purpose: "newsletter"},
				})
				if err := errors.Join(append(errs, err)...); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acknowledged = max(acknowledged, r[0].Position)
				mu.Unlock()
			}
		})
	}
	var newest consent.Position
	for i := range 3 {
		// Each begins when there is more than before.
		mu.Lock()
		before := acknowledged
		mu.Unlock()
		for before < consent.Position(200*(i+1)) {
			time.Sleep(time.Millisecond)
			mu.Lock()
			before = acknowledged
			mu.Unlock()
		}
		to := filepath.Join(dir, fmt.Sprintf("backup-%d.db", i))
		if err := sqlite.Backup(t.Context(), filepath.Join(dir, sqlite.FileName), to); err != nil {
			t.Fatal(err)
		}
		r := verify(t, to)
		if !r.Sound() || r.Size < before {
			t.Fatalf("%d were acknowledged before: %+v", before, r)
		}
		newest = r.Size
		if err := sqlite.Backup(t.Context(), filepath.Join(dir, sqlite.FileName), to); err == nil {
			t.Fatal("a backup was written over another")
		}
	}
	close(done)
	all.Wait()

	// Restored, it goes on in another epoch.
	old, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	restored := t.TempDir()
	if err := sqlite.Restore(t.Context(), filepath.Join(dir, "backup-2.db"), restored, "key"); err != nil {
		t.Fatal(err)
	}
	r := open(t, restored, "key")
	head, err := r.Head(t.Context())
	if err != nil || head.Position != newest || head.Epoch == old.Epoch {
		t.Fatalf("%+v, %v", head, err)
	}
	if root, err := s.RootAt(t.Context(), newest); err != nil || root != head.Root {
		t.Fatalf("it is the beginning of another log, %v", err)
	}
	if err := sqlite.Restore(t.Context(), filepath.Join(dir, "backup-2.db"), restored, "key"); err == nil {
		t.Fatal("a ledger was restored over another")
	}
	if err := sqlite.Restore(t.Context(), filepath.Join(dir, "backup-2.db"), t.TempDir(), "another"); !errors.Is(err, store.ErrKey) {
		t.Fatalf("with another root key: err = %v", err)
	}
}
