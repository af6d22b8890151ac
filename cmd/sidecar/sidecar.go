package main

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	config "github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/ir"
	ledger "github.com/optup/optup/internal/ledger/client"
	"github.com/optup/optup/internal/proxy"
)

// sidecar turns updates from the manager into the state that the proxy serves by, and follows the ledgers that a bundle names.
type sidecar struct {
	ctx     context.Context //nolint:containedctx // feeds live as long as the process
	group   *errgroup.Group
	current *proxy.Current
	options options

	mu         sync.Mutex
	grant      string
	generation int64
	feeds      map[ir.Ledger]*feed
}

// feed is one ledger that is followed.
type feed struct {
	*ledger.Feed
	stop     context.CancelFunc
	mu       sync.Mutex
	purposes []consent.PurposeID
}

func newSidecar(ctx context.Context, group *errgroup.Group, current *proxy.Current, o options) *sidecar {
	return &sidecar{ctx: ctx, group: group, current: current, options: o, feeds: map[ir.Ledger]*feed{}}
}

// apply takes an update into force. It is never called concurrently.
func (s *sidecar) apply(u config.Update) error {
	if u.Grant != "" {
		s.mu.Lock()
		s.grant = u.Grant
		s.mu.Unlock()
	}
	if u.Bundle == nil {
		return nil
	}
	facts := s.follow(u.Bundle)
	s.mu.Lock()
	s.generation = u.Generation
	s.mu.Unlock()
	s.current.Store(&proxy.State{Index: decide.NewIndex(u.Bundle), Generation: u.Generation, Facts: facts})
	slog.Info("a bundle is in force", "generation", u.Generation, "stored", u.Stored, "mode", u.Bundle.Mode, "purposes", len(u.Bundle.Purposes))
	return nil
}

// follow starts, keeps and stops feeds, so that there is one for each ledger of the bundle.
func (s *sidecar) follow(b *ir.Bundle) map[string]proxy.Facts {
	facts := map[string]proxy.Facts{}
	wanted := map[ir.Ledger]bool{}
	for _, l := range s.ledgers(b) {
		purposes := purposesOf(b, l.Controller)
		wanted[l] = true
		s.mu.Lock()
		f := s.feeds[l]
		s.mu.Unlock()
		switch {
		case f == nil:
			f = s.start(l, purposes)
		case f.ask(purposes):
			f.Again()
		}
		facts[l.Controller] = f.Feed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for l, f := range s.feeds {
		if !wanted[l] {
			f.stop()
			delete(s.feeds, l)
		}
	}
	return facts
}

func (s *sidecar) ledgers(b *ir.Bundle) []ir.Ledger {
	if s.options.ledger == "" {
		return b.Ledgers
	}
	var out []ir.Ledger
	for _, p := range b.Purposes {
		l := ir.Ledger{Controller: p.Controller, URL: s.options.ledger}
		if p.Controller != "" && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

func purposesOf(b *ir.Bundle, controller string) []consent.PurposeID {
	var out []consent.PurposeID
	for _, p := range b.Purposes {
		if p.Controller == controller && p.Blocked == "" {
			out = append(out, p.Name)
		}
	}
	return out
}

func (s *sidecar) start(l ir.Ledger, purposes []consent.PurposeID) *feed {
	ctx, stop := context.WithCancel(s.ctx)
	f := &feed{stop: stop, purposes: purposes}
	o := ledger.Options{
		URL: l.URL, TrustFile: s.options.trust, Token: s.token,
		Purposes: func() []consent.PurposeID { f.mu.Lock(); defer f.mu.Unlock(); return f.purposes },
	}
	if s.options.manager != "" {
		o.Grant = func() string { s.mu.Lock(); defer s.mu.Unlock(); return s.grant }
	}
	f.Feed = ledger.New(o)
	s.mu.Lock()
	s.feeds[l] = f
	s.mu.Unlock()
	s.group.Go(func() error { return f.Run(ctx) })
	return f
}

// ask changes what is asked for, and tells whether it was something else before.
func (f *feed) ask(purposes []consent.PurposeID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.Equal(f.purposes, purposes) {
		return false
	}
	f.purposes = purposes
	return true
}

func (s *sidecar) token() (string, error) {
	data, err := os.ReadFile(s.options.ledgerToken)
	return string(data), err
}

func (s *sidecar) inForce() (int64, map[ir.Ledger]*feed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.generation, maps.Clone(s.feeds)
}
