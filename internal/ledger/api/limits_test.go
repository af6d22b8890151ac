package api_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/api"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

func TestCallersAreSlowedDown(t *testing.T) {
	l := ledgertest.New(t)
	l.Limits = api.Limits{Events: 3, Imports: 1, Lookups: 2}
	l.Start()
	lookup := `{"identifier":{"type":"email","value":"ada@example.org"}}`
	csv := "identifier_type,identifier,event,purpose\nemail,a@example.org,withdrawn,newsletter\n"
	for path, c := range map[string]struct {
		body string
		free int
	}{
		"/v1/events": {eventBody("ada@example.org", given), 3}, "/v1/imports?dryRun=true": {csv, 1}, "/v1/people/lookup": {lookup, 2},
	} {
		for i := range c.free {
			if status, body := l.Do(ledgertest.Officer, "POST", path, c.body); status >= 300 {
				t.Errorf("%s %d: %d %s", path, i, status, body)
			}
		}
		if status, body := l.Do(ledgertest.Officer, "POST", path, c.body); status != 429 || !strings.Contains(body, "urn:optup:problem:too-many") {
			t.Errorf("%s: one too many gets %d %s", path, status, body)
		}
	}
	// The same limit counts for everything of a kind, and for each caller by itself.
	if status, body := l.Do(ledgertest.Officer, "POST", "/v1/people/export", lookup); status != 429 {
		t.Errorf("another lookup: %d %s", status, body)
	}
	if status, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/events", eventBody("ada@example.org", given)); status != 201 {
		t.Errorf("another caller: %d %s", status, body)
	}
	if status, body := l.Do(ledgertest.Officer, "GET", "/v1/head", ""); status != 200 {
		t.Errorf("what has no limit: %d %s", status, body)
	}
	// Whoever may not call uses up nothing.
	for range 5 {
		if status, _ := l.Do(ledgertest.Reader, "POST", "/v1/people/lookup", lookup); status != 403 {
			t.Errorf("a reader gets %d", status)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.URL+"/v1/people/lookup", strings.NewReader(lookup))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+l.Token(ledgertest.Officer, "pod-1", time.Hour))
	r.Header.Set("Content-Type", "application/json")
	res, err := l.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if wait, err := strconv.Atoi(res.Header.Get("Retry-After")); res.StatusCode != 429 || err != nil || wait < 1 || wait > 30 {
		t.Errorf("%d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
}

// TestQuestionsAreCounted, and not requests: each workload by itself, and officers with what they look up.
func TestQuestionsAreCounted(t *testing.T) {
	l := ledgertest.New(t)
	l.Limits = api.Limits{Questions: 10, Lookups: 3}
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	l.Start()
	grant := l.Grant(ledgertest.Sidecar, "pod-1", time.Minute, "newsletter")
	single := question("ada@example.org", "newsletter", "")
	several := func(n int) string { return `{"evaluations":[` + strings.Repeat(single+",", n-1) + single + `]}` }
	ask := func(subject, body string) int {
		t.Helper()
		path := "/access/v1/evaluation"
		if strings.HasPrefix(body, `{"evaluations"`) {
			path += "s"
		}
		status, got := l.Do(subject, "POST", path, body, "OptUp-Grant", grant)
		if status == 429 && (!strings.Contains(got, "urn:optup:problem:too-many") || strings.Contains(got, "decision\"")) {
			t.Errorf("%s", got)
		}
		return status
	}
	for i, c := range []struct {
		subject, body string
		want          int
	}{
		{ledgertest.Sidecar, several(6), 200},
		{ledgertest.Sidecar, several(5), 429},
		{ledgertest.Sidecar, `{"evaluations":[` + strings.Repeat("{},", 4) + "{}]}", 429},
		{ledgertest.Sidecar, several(3), 200},
		{ledgertest.Sidecar, single, 200},
		{ledgertest.Sidecar, single, 429},
		{ledgertest.Sidecar, "{}", 400},
		{ledgertest.Officer, several(2), 200},
		{ledgertest.Officer, single, 200},
		{ledgertest.Officer, single, 429},
	} {
		if got := ask(c.subject, c.body); got != c.want {
			t.Errorf("%d: %d, want %d", i, got, c.want)
		}
	}
	if status, _ := l.Do(ledgertest.Officer, "POST", "/v1/people/lookup", `{"identifier":{"type":"email","value":"ada@example.org"}}`); status != 429 {
		t.Errorf("an officer who asked as much as they may looks somebody up: %d", status)
	}
}

func TestLimitsNameRoutes(t *testing.T) {
	_, roles := api.Routes()
	for _, r := range api.Limited() {
		if roles[r] == nil {
			t.Errorf("%s has a limit and is no route", r)
		}
	}
}
