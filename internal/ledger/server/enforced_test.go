package server_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/client"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/testkit/postgres"
)

// sidecar follows a replica, and pings only when it is asked to.
func sidecar(t *testing.T, url string) *client.Feed {
	t.Helper()
	feed := client.New(client.Options{
		URL: url, Logger: slog.New(slog.DiscardHandler), PingEvery: time.Hour, Retry: 5 * time.Millisecond, Silence: time.Hour,
		Token: func() (string, error) { return ledgertest.DevToken, nil }, Purposes: func() []consent.PurposeID { return []consent.PurposeID{"newsletter"} },
	})
	done := make(chan error, 1)
	go func() { done <- feed.Run(t.Context()) }()
	t.Cleanup(func() { <-done })
	until(t, "the sidecar is fresh", func() bool { return feed.Now().Age >= 0 })
	return feed
}

// TestAWriteWaitsForTheSidecarsOfAllReplicas, and for no longer: the answer comes as soon as all of them go by it.
func TestAWriteWaitsForTheSidecarsOfAllReplicas(t *testing.T) {
	url, root := postgres.Shared(t).Database(t), keys.NewRoot()
	near, nearURL := replica(t, root, url)
	_, farURL := replica(t, root, url)
	feeds := []*client.Feed{sidecar(t, nearURL), sidecar(t, farURL), sidecar(t, farURL)}
	basedOn := consent.Position(0)
	for range 5 {
		given := ledgertest.Given("newsletter")
		given.BasedOn = basedOn
		appendTo(t, near, given)
		began := time.Now()
		status, out := waits(t, nearURL)
		if status != http.StatusCreated || !out.Enforced {
			t.Fatalf("status %d, %+v, after %v", status, out, time.Since(began))
		}
		for i, f := range feeds {
			if f.Position() < out.Position {
				t.Fatalf("sidecar %d goes by position %d after %d was enforced", i, f.Position(), out.Position)
			}
		}
		basedOn = out.Position
		t.Logf("enforced after %v", time.Since(began).Round(time.Millisecond))
	}
}

// TestAnotherReplicaSpeaksForThoseWhoConfirmed: somebody who follows it and has not is waited for.
func TestAnotherReplicaSpeaksForThoseWhoConfirmed(t *testing.T) {
	url, root := postgres.Shared(t).Database(t), keys.NewRoot()
	near, _ := replica(t, root, url)
	_, farURL := replica(t, root, url)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, farURL+"/v1/stream?version=4&purpose=newsletter", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+ledgertest.DevToken)
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", res, err)
	}
	defer res.Body.Close() // it follows, and never says what it applied
	at := appendTo(t, near, ledgertest.Given("newsletter"))
	short, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if n := near.Stream.Enforced(short, at); n == 0 {
		t.Error("it is called enforced where nobody has confirmed it")
	}
}

type waited struct {
	Position consent.Position `json:"position"`
	Enforced bool             `json:"enforced"`
	Waiting  int              `json:"waiting"`
}

// waits withdraws, and waits until that is enforced.
func waits(t *testing.T, url string) (status int, out waited) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/events?wait=enforced",
		strings.NewReader(`{"identifiers":[{"type":"email","value":"ada@example.org"}],"event":{"type":"withdrawn","purpose":"newsletter"}}`))
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
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, out
}

// TestAReplicaThatIsGoneHoldsWritesUpForItsBound, since its sidecars may go on by what it told them, and not for longer.
func TestAReplicaThatIsGoneHoldsWritesUpForItsBound(t *testing.T) {
	near, _ := replica(t, keys.NewRoot(), postgres.Shared(t).Database(t))
	at := appendTo(t, near, ledgertest.Given("newsletter"))
	const rely = 2 * time.Second
	if err := near.Store.(store.Replicas).Report(t.Context(), store.Replica{ID: "gone", Position: at - 1, Rely: rely}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	short, cancel := context.WithTimeout(t.Context(), rely/4)
	defer cancel()
	if n := near.Stream.Enforced(short, at); n != 1 {
		t.Errorf("%d are waited for while its sidecars may go on", n)
	}
	long, cancelLong := context.WithTimeout(t.Context(), patience)
	defer cancelLong()
	if n := near.Stream.Enforced(long, at); n != 0 {
		t.Errorf("%d are waited for", n)
	}
	if took := time.Since(began); took < rely-100*time.Millisecond {
		t.Errorf("it was waited for %v alone", took)
	}
}
