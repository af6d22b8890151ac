package local_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/doors/local"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/metrics"
	"github.com/optup/optup/internal/proxy"
	"github.com/optup/optup/internal/scenario"
)

const corpus = "../../../test/corpus"

// told are facts from a function.
type told struct {
	fact func(person consent.Identifier, purpose consent.PurposeID) consent.Fact
	now  func() decide.Now
}

// Lookup implements proxy.Facts.
func (f told) Lookup(id consent.Identifier, purpose consent.PurposeID) (consent.Fact, bool, error) {
	n, err := consent.Normalize(id)
	if err != nil {
		return consent.Fact{}, false, err
	}
	fact := f.fact(n, purpose)
	return fact, fact.Position > 0, nil
}

// Now implements proxy.Facts.
func (f told) Now() decide.Now { return f.now() }

// golden is the bundle of a case as it was reviewed.
func golden(t testing.TB, folder string) *ir.Bundle {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpus, folder, "bundle.golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := ir.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var loaded = sync.OnceValues(func() ([]scenario.Case, error) { return scenario.Load(os.DirFS(corpus), nil) })

// cases are those of the corpus.
func cases(t testing.TB) []scenario.Case {
	t.Helper()
	all, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// sidecar is a proxy with a bundle in force, and its doors.
type sidecar struct {
	*local.Doors
	current *proxy.Current
	metrics *metrics.Registry
}

func newSidecar(b *ir.Bundle, facts proxy.Facts) *sidecar {
	s := &sidecar{current: &proxy.Current{}, metrics: metrics.New()}
	s.Doors = &local.Doors{
		Proxy:  &proxy.Proxy{Current: s.current, Metrics: proxy.NewMetrics(s.metrics), Logger: slog.New(slog.DiscardHandler)},
		Logger: slog.New(slog.DiscardHandler),
	}
	if b != nil {
		s.inForce(b, facts)
	}
	return s
}

func (s *sidecar) inForce(b *ir.Bundle, facts proxy.Facts) {
	all := map[string]proxy.Facts{}
	for _, p := range b.Purposes {
		all[p.Controller] = facts
	}
	s.current.Store(&proxy.State{Index: decide.NewIndex(b), Generation: 7, Facts: all})
}

// answered is what the AuthZEN door says to one question.
type answered struct {
	Decision *bool
	Context  struct {
		Reason      decide.Reason
		Obligations []decide.Obligation
		Bodies      []string
		Purpose     consent.PurposeID
		DecisionID  string
		Observed    bool
		Position    *int
		Error       *struct{ Status int }
	}
	Evaluations []answered
	Detail      string
}

// ask posts JSON to a path and reads the answer.
func ask(t testing.TB, h http.Handler, path string, question any, headers ...string) (int, answered) {
	t.Helper()
	body, ok := question.(string)
	if !ok {
		data, err := json.Marshal(question)
		if err != nil {
			t.Fatal(err)
		}
		body = string(data)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:15021"+path, bytes.NewReader([]byte(body)))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var out answered
	data, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("%d %s", w.Code, data)
	}
	return w.Code, out
}
