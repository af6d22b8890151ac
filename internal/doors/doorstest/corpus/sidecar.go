package corpus

import (
	"log/slog"
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

// Told are facts from a function.
type Told struct {
	Fact   func(person consent.Identifier, purpose consent.PurposeID) consent.Fact
	Moment func() decide.Now
}

// Lookup implements proxy.Facts.
func (f Told) Lookup(id consent.Identifier, purpose consent.PurposeID) (consent.Fact, bool, error) {
	n, err := consent.Normalize(id)
	if err != nil {
		return consent.Fact{}, false, err
	}
	fact := f.Fact(n, purpose)
	return fact, fact.Position > 0, nil
}

// Now implements proxy.Facts.
func (f Told) Now() decide.Now { return f.Moment() }

// Fresh is the moment of facts that are as new as can be.
func Fresh() decide.Now { return decide.Now{Ledger: scenario.Now} }

var (
	mu     sync.Mutex
	loaded = map[string][]scenario.Case{}
)

// Cases are those below a folder, test/corpus as the test sees it.
func Cases(t testing.TB, folder string) []scenario.Case {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if loaded[folder] == nil {
		all, err := scenario.Load(os.DirFS(folder), nil)
		if err != nil {
			t.Fatal(err)
		}
		loaded[folder] = all
	}
	return loaded[folder]
}

// Golden is the bundle of a case as it was reviewed.
func Golden(t testing.TB, folder, name string) *ir.Bundle {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, name, "bundle.golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := ir.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Sidecar is a proxy with a bundle in force, and its doors.
type Sidecar struct {
	*local.Doors
	Current *proxy.Current
	Metrics *metrics.Registry
}

// NewSidecar makes a sidecar. Without a bundle none is in force yet.
func NewSidecar(b *ir.Bundle, facts proxy.Facts) *Sidecar {
	s := &Sidecar{Current: &proxy.Current{}, Metrics: metrics.New()}
	s.Doors = &local.Doors{
		Proxy:  &proxy.Proxy{Current: s.Current, Metrics: proxy.NewMetrics(s.Metrics), Logger: slog.New(slog.DiscardHandler)},
		Logger: slog.New(slog.DiscardHandler),
	}
	if b != nil {
		s.InForce(b, facts)
	}
	return s
}

// For is a sidecar that knows what the ledger of a case knows at a decision.
func For(t testing.TB, folder string, c scenario.Case, d scenario.Decision) *Sidecar {
	t.Helper()
	now, err := d.Moment()
	if err != nil {
		t.Fatal(err)
	}
	return NewSidecar(Golden(t, folder, c.Folder), Told{
		Fact:   func(i consent.Identifier, p consent.PurposeID) consent.Fact { return c.Fact(i, p, d.At()) },
		Moment: func() decide.Now { return now },
	})
}

// InForce takes a bundle into force, with the same facts for every controller.
func (s *Sidecar) InForce(b *ir.Bundle, facts proxy.Facts) {
	all := map[string]proxy.Facts{}
	for _, p := range b.Purposes {
		all[p.Controller] = facts
	}
	s.Current.Store(&proxy.State{Index: decide.NewIndex(b), Generation: 7, Facts: all})
}
