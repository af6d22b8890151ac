package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/audit"
	pgstore "github.com/optup/optup/internal/ledger/store/postgres"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/internal/testkit/postgres"
)

// vessel is a database of either kind for a ledger, with the flags that name it.
type vessel struct {
	place
	flags []string
}

func embedded(t *testing.T) vessel {
	dir := filepath.Join(t.TempDir(), "data")
	return vessel{place{data: dir}, []string{"--data", dir}}
}

func served(t *testing.T) vessel {
	url := write(t, filepath.Join(t.TempDir(), "url"), []byte(postgres.Shared(t).Database(t)))
	return vessel{place{databaseURL: url}, []string{"--database-url-file", url}}
}

// verify verifies a database as optup ledger verify does, and gives the size of its log.
func (v vessel) verify(t *testing.T) int {
	t.Helper()
	var db interface {
		audit.Database
		Close() error
	}
	var err error
	if v.data != "" {
		db, err = sqlite.OpenAudit(t.Context(), filepath.Join(v.data, sqlite.FileName))
	} else {
		db, err = pgstore.OpenAudit(t.Context(), urlIn(v.databaseURL))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := audit.Verify(t.Context(), db, audit.Options{})
	if err != nil || !r.Sound() {
		t.Fatalf("%+v, %v", r, err)
	}
	return int(r.Size)
}

// TestAnExportAfterTheKeyChanged: it verifies with the public key of always, goes into an empty database of either kind with the newest root key
// alone, and what comes of it is the same ledger: it knows everybody, and its key can change again.
func TestAnExportAfterTheKeyChanged(t *testing.T) {
	for name, c := range map[string]struct {
		from, to func(*testing.T) vessel
		settled  bool
	}{
		"while both keys count, from SQLite to PostgreSQL": {embedded, served, false},
		"while both keys count, from PostgreSQL to SQLite": {served, embedded, false},
		"with the next key alone, within SQLite":           {embedded, embedded, true},
		"with the next key alone, within PostgreSQL":       {served, served, true},
	} {
		t.Run(name, func(t *testing.T) { exportAfterRotation(t, c.from(t), c.to(t), c.settled) })
	}
}

func exportAfterRotation(t *testing.T, from, to vessel, settled bool) {
	dir, args := folder(t)
	args = without(args, "--data")
	first, next, third := filepath.Join(dir, "root.key"), filepath.Join(dir, "next.key"), filepath.Join(dir, "third.key")
	if err := errors.Join(run(t.Context(), "keygen", "--out", next), run(t.Context(), "keygen", "--out", third)); err != nil {
		t.Fatal(err)
	}
	config := []string{"--config", filepath.Join(dir, "config.json")}
	api, admin, stop := start(t, http.DefaultClient, "http", append(append(args, from.flags...), "--next-root-key", next))
	public, err := output(t, append(append([]string{"public-key", "--root-key", first}, from.flags...), config...)...)
	if err != nil {
		t.Fatal(err)
	}
	said(t, api, "before", "given")
	said(t, api, "erased", "given")
	said(t, api, "erased", "erased")
	rotate(t, from, first, next, config, admin, 2)
	said(t, api, "since", "given")
	said(t, api, "before", "withdrawn")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if settled {
		from.settle(t, next)
	}
	withNext := append(without(args, "--root-key"), "--root-key", next)
	api, _, stop = start(t, http.DefaultClient, "http", append(withNext, from.flags...))
	said(t, api, "last", "given")
	status, export := call(t, http.DefaultClient, "GET", api+"/v1/export", "")
	if status != http.StatusOK {
		t.Fatal(export)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	size := from.verify(t)

	x, err := audit.OpenExport(strings.NewReader(export), strings.TrimSpace(public))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := audit.Verify(t.Context(), x, audit.Options{}); err != nil || !r.Sound() || int(r.Size) != size {
		t.Fatalf("%+v, %v", r, err)
	}
	file := write(t, filepath.Join(dir, "export.jsonl"), []byte(export))
	load := func(root string) (string, error) {
		return output(t, append(append([]string{"import", file, "--root-key", root}, to.flags...), config...)...)
	}
	for _, root := range []string{first, third} {
		if out, err := load(root); err == nil {
			t.Fatalf("with another key: %s", out)
		}
	}
	if settled { // an import was stopped before there were events
		to.rotate(t, next, x.RootKeys, store.First, &x.RootKeys[0])
	}
	if out, err := load(next); err != nil || !strings.Contains(out, fmt.Sprintf("imported %d events", size)) {
		t.Fatalf("%s, %v", out, err)
	}
	if got := to.verify(t); got != size {
		t.Fatalf("%d events came of %d", got, size)
	}

	// The ledger goes on, and its key changes again.
	api, _, stop = start(t, http.DefaultClient, "http", append(append(withNext, to.flags...), "--next-root-key", third))
	everybody(t, api)
	said(t, api, "there", "given")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if !settled {
		to.settle(t, next)
	}
	api, admin, stop = start(t, http.DefaultClient, "http", append(append(withNext, to.flags...), "--next-root-key", third))
	rotate(t, to, next, third, config, admin, 3)
	everybody(t, api)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if got := to.verify(t); got <= size {
		t.Fatalf("%d events after %d", got, size)
	}
	if again, err := output(t, append(append([]string{"public-key", "--root-key", third}, to.flags...), config...)...); err != nil || again != public {
		t.Fatalf("the public key was %s and is %s, %v", public, again, err)
	}
}

// said tells a ledger what somebody did.
func said(t *testing.T, api, who, what string) {
	t.Helper()
	body := fmt.Sprintf(`{"identifiers":[{"type":"email","value":"%s@example.org"}],"event":{"type":"%s","purpose":"newsletter","notice":"newsletter-v1","proof":"Signed"},
		"evidence":{"kind":"signedForm","signedForm":{"signedAt":"2026-01-01T10:00:00Z","sha256":"%s","reference":"archive/1","signature":"handwritten"}}}`, who, what, strings.Repeat("ab", 32))
	path := "/v1/events"
	if what == "erased" {
		path, body = "/v1/people/erase", fmt.Sprintf(`{"identifier":{"type":"email","value":"%s@example.org"}}`, who)
	}
	if status, answer := call(t, http.DefaultClient, "POST", api+path, body); status/100 != 2 {
		t.Fatalf("%s %s: %d %s", who, what, status, answer)
	}
}

// everybody is known as before.
func everybody(t *testing.T, api string) {
	t.Helper()
	for who, want := range map[string]string{
		"before": `"status":"withdrawn"`, "since": `"status":"given"`, "last": `"status":"given"`, "erased": `"suppressed":`, "nobody": `"known":false`,
	} {
		status, body := call(t, http.DefaultClient, "POST", api+"/v1/people/lookup", fmt.Sprintf(`{"identifier":{"type":"email","value":"%s@example.org"}}`, who))
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", who, status, body)
		}
	}
}

// rotate changes the key of a ledger that serves, up to where sidecars are told.
func rotate(t *testing.T, v vessel, root, next string, config []string, admin string, number int) {
	t.Helper()
	out, err := output(t, append(append([]string{"rotate-keys", "--begin", "--root-key", root, "--next-root-key", next}, v.flags...), config...)...)
	if err != nil {
		t.Fatalf("%s, %v", out, err)
	}
	want := fmt.Sprintf("optup_ledger_tag_key %d\n", number)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		_, metrics := call(t, http.DefaultClient, "GET", admin+"/metrics", "")
		if strings.Contains(metrics, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the next key is never in use")
		}
	}
}

// settle takes the step that a ledger takes ten minutes later: the key before counts no more.
func (v vessel) settle(t *testing.T, root string) {
	t.Helper()
	kept, err := v.kept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v.rotate(t, root, kept, store.First.Next().Next(), nil)
}

// rotate takes one step in a database that nobody serves.
func (v vessel) rotate(t *testing.T, root string, kept []store.RootKey, from store.Scheme, key *store.RootKey) {
	t.Helper()
	stored, err := os.ReadFile(root)
	if err != nil {
		t.Fatal(err)
	}
	own, err := keys.ParseRoot(bytes.TrimSpace(stored))
	if err != nil {
		t.Fatal(err)
	}
	all, err := keys.Derive(own, nil, ledgertest.Controller, kept)
	if err != nil {
		t.Fatal(err)
	}
	db, err := v.place.open(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Rotate(t.Context(), from, from.Next(), key), db.Close()); err != nil {
		t.Fatal(err)
	}
}
