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

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

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
}

// sidecar is what the probes tell about.
type sidecar struct {
	*follow.Follower
	current *proxy.Current
	metrics *proxy.Metrics

	proxy    *proxy.Proxy
	registry *prometheus.Registry
	// traced sends what is left of traces.
	traced func(context.Context)
}

// serveAdmin answers probes. Startup and readiness wait for a bundle and never for a ledger: what needs no record goes on without.
func serveAdmin(ctx context.Context, group *errgroup.Group, addr string, s *sidecar, r *prometheus.Registry) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen for probes: %w", err)
	}
	mux := http.NewServeMux()
	ready := func(w http.ResponseWriter, _ *http.Request) {
		if s.current.Load() == nil {
			http.Error(w, "waiting for a bundle from the manager", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	}
	mux.HandleFunc("GET /startup", ready)
	mux.HandleFunc("GET /readyz", ready)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{}))
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

func (s *sidecar) summary() summary {
	generation, feeds := s.InForce()
	out := summary{Generation: generation, Ledgers: []ledgerStatus{}, Purposes: s.metrics.Summary()}
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

// collector exports how old the facts are, and which bundle is in force.
func (s *sidecar) collector() prometheus.Collector { return &state{s} }

type state struct{ s *sidecar }

var (
	ageDesc        = prometheus.NewDesc("optup_sidecar_facts_age_seconds", "Age of the facts of a ledger; NaN while it was never reached.", []string{"controller"}, nil)
	positionDesc   = prometheus.NewDesc("optup_sidecar_facts_position", "Position of the newest event in the facts of a ledger.", []string{"controller"}, nil)
	peopleDesc     = prometheus.NewDesc("optup_sidecar_facts_people", "How many people there are facts about.", []string{"controller"}, nil)
	generationDesc = prometheus.NewDesc("optup_sidecar_bundle_generation", "Generation of the bundle in force; 0 before the first.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *state) Describe(ch chan<- *prometheus.Desc) {
	ch <- ageDesc
	ch <- positionDesc
	ch <- peopleDesc
	ch <- generationDesc
}

// Collect implements prometheus.Collector.
func (c *state) Collect(ch chan<- prometheus.Metric) {
	generation, feeds := c.s.InForce()
	ch <- prometheus.MustNewConstMetric(generationDesc, prometheus.GaugeValue, float64(generation))
	for l, f := range feeds {
		age := math.NaN()
		if now := f.Now(); now.Age >= 0 {
			age = now.Age.Seconds()
		}
		ch <- prometheus.MustNewConstMetric(ageDesc, prometheus.GaugeValue, age, l.Controller)
		ch <- prometheus.MustNewConstMetric(positionDesc, prometheus.GaugeValue, float64(f.Position()), l.Controller)
		ch <- prometheus.MustNewConstMetric(peopleDesc, prometheus.GaugeValue, float64(f.Stats().Identifiers), l.Controller)
	}
}
