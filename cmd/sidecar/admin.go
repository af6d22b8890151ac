package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	ledger "github.com/optup/optup/internal/ledger/client"
	"github.com/optup/optup/internal/metrics"
	"github.com/optup/optup/internal/proxy"
	"github.com/optup/optup/internal/proxy/follow"
)

// ledgerStatus is how one ledger's facts stand.
type ledgerStatus struct {
	Controller string `json:"controller"`
	URL        string `json:"url"`
	// AgeSeconds of the facts; absent while the ledger was never reached.
	AgeSeconds  *float64 `json:"ageSeconds,omitempty"`
	Position    uint64   `json:"position"`
	Identifiers int      `json:"identifiers"`
}

type summary struct {
	Generation int64                           `json:"generation"`
	Mode       string                          `json:"mode,omitempty"`
	Ledgers    []ledgerStatus                  `json:"ledgers"`
	Purposes   map[string]proxy.PurposeSummary `json:"purposes"`
	// Untrusting are hosts on whose connections an application did not accept our certificate in the last ten minutes.
	Untrusting []string `json:"untrusting,omitempty"`
}

// sidecar is what the probes tell about.
type sidecar struct {
	*follow.Follower
	current *proxy.Current
	metrics *proxy.Metrics

	proxy    *proxy.Proxy
	aliases  *aliases
	registry *metrics.Registry
	// interception is what TLS is ended with.
	interception *interception
	startup      startup
	// traced sends what is left of traces.
	traced func(context.Context)
}

// serveAdmin answers probes. Startup and readiness wait for a bundle. For the facts of ledgers only startup waits, and not for long: what
// needs no record goes on without.
func serveAdmin(ctx context.Context, group *errgroup.Group, addr string, s *sidecar, r *metrics.Registry) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen for probes: %w", err)
	}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, waiting string) {
		if waiting != "" {
			http.Error(w, "waiting for "+waiting, http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	}
	mux.HandleFunc("GET /startup", func(w http.ResponseWriter, _ *http.Request) {
		waiting := s.waiting()
		if waiting == "" && s.startup.waits(time.Now(), s.withoutFacts) {
			waiting = "the facts of a ledger"
		}
		answer(w, waiting)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.waiting()) })
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.Handle("GET /metrics", r)
	mux.HandleFunc("GET /summary", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.summary())
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	group.Go(func() error {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return srv.Close()
	})
	return nil
}

// waiting says what is missing before anything can be decided; nothing if it is empty.
func (s *sidecar) waiting() string {
	switch {
	case s.current.Load() == nil:
		return "a bundle from the manager"
	case !s.interception.ready():
		return "the authorities that applications have to trust"
	default:
		return ""
	}
}

func (s *sidecar) summary() summary {
	generation, feeds := s.InForce()
	out := summary{Generation: generation, Ledgers: []ledgerStatus{}, Purposes: s.metrics.Summary(), Untrusting: s.proxy.Untrusting()}
	if state := s.current.Load(); state != nil {
		out.Mode = string(state.Index.Bundle().Mode)
	}
	for l, f := range feeds {
		one := ledgerStatus{Controller: l.Controller, URL: l.URL, Position: uint64(f.Position()), Identifiers: f.Stats().Identifiers}
		if now := f.Now(); now.Age >= 0 {
			age := now.Age.Seconds()
			one.AgeSeconds = &age
		}
		out.Ledgers = append(out.Ledgers, one)
	}
	return out
}

// export adds how old the facts are, and which bundle is in force.
func (s *sidecar) export(r *metrics.Registry) {
	r.Gauge("optup_sidecar_bundle_generation", "Generation of the bundle in force; 0 before the first.", func() []metrics.Value {
		generation, _ := s.InForce()
		return metrics.One(float64(generation))
	})
	r.Gauge("optup_sidecar_pod_addresses", "How many addresses of pods of governed services are known.", func() []metrics.Value {
		return metrics.One(float64(s.current.Pods.Load().Len()))
	})
	r.Gauge("optup_sidecar_pods_incomplete", "1 where there are more pods than could be told; then addresses that nobody knows are refused.", func() []metrics.Value {
		if s.current.Pods.Load().Complete() {
			return metrics.One(0)
		}
		return metrics.One(1)
	})
	each := func(name, help string, of func(f *ledger.Feed) float64) {
		r.Gauge(name, help, func() (out []metrics.Value) {
			_, feeds := s.InForce()
			for l, f := range feeds {
				out = append(out, metrics.Value{Value: of(f), Labels: []string{l.Controller}})
			}
			return out
		}, "controller")
	}
	each("optup_sidecar_facts_age_seconds", "Age of the facts of a ledger; NaN while it was never reached.", func(f *ledger.Feed) float64 {
		if now := f.Now(); now.Age >= 0 {
			return now.Age.Seconds()
		}
		return math.NaN()
	})
	each("optup_sidecar_facts_position", "Position of the newest event in the facts of a ledger.", func(f *ledger.Feed) float64 { return float64(f.Position()) })
	each("optup_sidecar_facts_people", "How many people there are facts about.", func(f *ledger.Feed) float64 { return float64(f.Stats().Identifiers) })
}
