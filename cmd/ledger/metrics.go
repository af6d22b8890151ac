package main

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/optup/optup/internal/ledger/server"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/stream"
)

// metrics are numbers about the ledger, never about people.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	events   *prometheus.CounterVec
	uses     *usesCounters
}

func newMetrics(l *server.Ledger, b *bundles) *metrics {
	db, hub, streams := l.Store, l.Hub, l.Stream
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "optup_ledger_request_duration_seconds", Help: "How long requests took, streams for as long as they lasted.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 30},
		}, []string{"route", "status"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "optup_ledger_events_total", Help: "Events by what became of them: appended, replayed, conflict or invalid.",
		}, []string{"event", "outcome"}),
	}
	m.uses = newUsesCounters(m.registry)
	m.registry.MustRegister(newFunnelMetrics(l.Funnel, b))
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	m.registry.MustRegister(shareGauges{l.Share}, m.requests, m.events, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("optup_ledger_position", "Position of the newest event.", func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			h, err := db.Head(ctx)
			if err != nil {
				return -1
			}
			return float64(h.Position)
		}),
		gauge("optup_ledger_subscribers", "Streams that are open.", func() float64 { return float64(hub.Stats().Subscribers) }),
		gauge("optup_ledger_bundle_loaded", "1 if there are purposes and notices, else 0.", func() float64 {
			if b.get() == nil {
				return 0
			}
			return 1
		}),
		gauge("optup_ledger_oldest_staleness_seconds", "Age of the oldest facts that a sidecar which follows still goes by.", func() float64 {
			return hub.Stats().OldestStaleness.Seconds()
		}),
		gauge("optup_ledger_log_contradicted", "1 if the log contradicts a checkpoint that this ledger signed, else 0; nothing is streamed then.", func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if streams.Contradicted(ctx) != nil {
				return 1
			}
			return 0
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "optup_ledger_streams_resumed_total", Help: "Streams that went on from what the sidecar had.",
		}, func() float64 { return float64(hub.Stats().Resumed) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "optup_ledger_streams_begun_total", Help: "Streams that began with a snapshot.",
		}, func() float64 { return float64(hub.Stats().Snapshots) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "optup_ledger_subscribers_cut_total", Help: "Streams that were cut because the subscriber did not keep up.",
		}, func() float64 { return float64(hub.Stats().Cut) }),
	)
	m.registry.MustRegister(
		gauge("optup_ledger_tag_key", "Number of the root key whose tags people are looked up by; the first one is 1.", func() float64 {
			return float64(l.Keys.Scheme().Current)
		}),
		gauge("optup_ledger_rekey_left", "Identifiers that lacked a tag under the next root key when this replica counted last; 0 while none is introduced.",
			func() float64 { return float64(l.Rekey.Left()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "optup_ledger_rekeyed_total", Help: "Identifiers that this replica gave a tag under the next root key.",
		}, func() float64 { return float64(l.Rekey.Done()) }),
		gauge("optup_ledger_subscribers_of_one_key", "Streams of sidecars that know of one key only, and are refused once the root key has changed.",
			func() float64 { return float64(hub.Stats().OneKey) }),
	)
	if d := newDatabase(db); d != nil {
		m.registry.MustRegister(d)
	}
	return m
}

func (m *metrics) observe(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *metrics) appended(event, outcome string) { m.events.WithLabelValues(event, outcome).Inc() }

// adminHandler answers probes and scrapes. The ledger is ready when its database answers, with or without a bundle, until it is about to
// stop.
func adminHandler(m *metrics, db store.Store, streams *stream.Server, stopping *atomic.Bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if stopping.Load() {
			http.Error(w, "the ledger is about to stop", http.StatusServiceUnavailable)
			return
		}
		if _, err := db.Head(ctx); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		if err := streams.Contradicted(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}
