package server_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/api"
	"github.com/optup/optup/internal/ledger/client"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/server"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/testkit/postgres"
)

const patience = time.Minute

// replica serves a ledger over a database. It ends with the test.
func replica(t *testing.T, root keys.Root, url string) (*server.Ledger, string) {
	t.Helper()
	config, err := json.Marshal(map[string]any{"controller": ledgertest.Controller})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	guard, err := access.Open(access.Options{ConfigFile: path, DevToken: ledgertest.DevToken, Now: time.Now, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	l, err := server.Open(t.Context(), server.Options{
		DatabaseURL: func() (string, error) { return url, nil }, Root: root, Guard: guard, Now: time.Now, Logger: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(l.Server(server.Served{Limits: &api.Limits{}}).Handler)
	t.Cleanup(func() {
		l.Hub.Close()
		s.CloseClientConnections()
		s.Close()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, s.URL
}

func appendTo(t *testing.T, l *server.Ledger, e consent.Event) consent.Position {
	t.Helper()
	tags, err := l.Keys.Tags(ledgertest.Email("ada@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	r, errs, err := l.Store.Append(t.Context(), store.Append{
		Identities: []store.Identity{{Tags: tags, Type: consent.IdentifierEmail, Plain: true}}, Event: e,
	})
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
	return r[0].Position
}

func ping(t *testing.T, url string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/ping", strings.NewReader(`{"nonce":"n"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+ledgertest.DevToken)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never happened that %s", what)
		}
	}
}

// TestAReplicaThatIsCutOffIsStaleToItsSidecars: a replica that cannot reach its database answers, but not with a head, so its sidecars grow
// stale by their own clocks while somebody withdraws at another replica. When it is back they learn of it.
func TestAReplicaThatIsCutOffIsStaleToItsSidecars(t *testing.T) {
	for name, manner := range map[string]postgres.Manner{"reset": postgres.Cut, "silent": postgres.Hold} {
		t.Run(name, func(t *testing.T) {
			db := postgres.Shared(t)
			url := db.Database(t)
			relay := db.Relay(t)
			root := keys.NewRoot()
			near, _ := replica(t, root, url)
			_, farURL := replica(t, root, relay.Through(t, url))
			feed := client.New(client.Options{
				URL: farURL, Logger: slog.New(slog.DiscardHandler), PingEvery: 20 * time.Millisecond, Retry: 5 * time.Millisecond,
				Token: func() (string, error) { return ledgertest.DevToken, nil }, Purposes: func() []consent.PurposeID { return []consent.PurposeID{"newsletter"} },
			})
			done := make(chan error, 1)
			go func() { done <- feed.Run(t.Context()) }()
			t.Cleanup(func() { <-done })
			given := appendTo(t, near, ledgertest.Given("newsletter"))
			until(t, "the grant arrives from the other replica", func() bool { return feed.Position() == given && feed.Now().Age >= 0 })
			relay.Turn(manner)
			if got := ping(t, farURL); got != http.StatusServiceUnavailable {
				t.Fatalf("a ping without a database is answered with %d", got)
			}
			withdrawn := appendTo(t, near, ledgertest.Withdrawn("newsletter"))
			until(t, "the sidecar is stale", func() bool { return feed.Now().Age > time.Second || feed.Now().Age < 0 })
			if feed.Position() >= withdrawn {
				t.Fatal("it is told what nobody could tell it")
			}
			relay.Turn(postgres.Cut)
			relay.Turn(postgres.Pass)
			until(t, "the withdrawal arrives, and the sidecar is fresh", func() bool {
				return feed.Position() == withdrawn && feed.Now().Age >= 0 && feed.Now().Age < time.Second
			})
		})
	}
}

// TestALookupIsNeverOlderThanAWrite that was acknowledged before it began, by whichever replica, although answers are remembered.
func TestALookupIsNeverOlderThanAWrite(t *testing.T) {
	db := postgres.Shared(t)
	url, root := db.Database(t), keys.NewRoot()
	near, nearURL := replica(t, root, url)
	_, farURL := replica(t, root, url)
	acts := []consent.Event{ledgertest.Withdrawn("newsletter"), ledgertest.Given("newsletter")}
	at := appendTo(t, near, acts[1])
	for n := range 300 {
		for _, replica := range []string{nearURL, farURL, nearURL, farURL} {
			if got := lookUp(t, replica, "ada@example.org"); got < at {
				t.Fatalf("after %d writes the record is of position %d; position %d was acknowledged", n, got, at)
			}
		}
		act := acts[n%2]
		act.BasedOn = at
		at = appendTo(t, near, act)
	}
}

// lookUp gives the position of somebody's record.
func lookUp(t *testing.T, url, address string) consent.Position {
	t.Helper()
	body := `{"identifier":{"type":"email","value":"` + address + `"}}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/people/lookup", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+ledgertest.DevToken)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out struct{ Record consent.Record }
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", res.StatusCode, err)
	}
	return out.Record.Position
}
