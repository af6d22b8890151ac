package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// retention deletes use records whose time is over, once an hour and at the start.
type retention struct {
	store store.Store
	days  int
	log   *slog.Logger
}

const everyHour = time.Hour

// run ends with ctx. A failure is told and tried again an hour later: what stays too long is no reason to stop serving.
func (r retention) run(ctx context.Context) error {
	if r.days == 0 {
		return nil
	}
	tick := time.NewTicker(everyHour)
	defer tick.Stop()
	for {
		n, err := r.store.ForgetUses(ctx, time.Now().AddDate(0, 0, -r.days))
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			r.log.Error("use records could not be deleted after their retention", "error", err)
		case n > 0:
			r.log.Info("use records were deleted after their retention", "decisions", n, "days", r.days)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// usesCounters count use records by what became of them, never by whom they are about.
type usesCounters struct {
	decisions, people *prometheus.CounterVec
	refused, lost     prometheus.Counter
	replayed          prometheus.Counter
}

func newUsesCounters(r prometheus.Registerer) *usesCounters {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	c := &usesCounters{
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "optup_ledger_use_decisions_total", Help: "Decisions that sidecars reported. An empty effect is a part of one that has not ended.",
		}, []string{"purpose", "effect"}),
		people: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "optup_ledger_use_records_total", Help: "Uses of people's data that sidecars reported, denied ones included.",
		}, []string{"purpose"}),
		refused:  counter("optup_ledger_use_refused_total", "Reported decisions that the sidecar's grant does not cover."),
		lost:     counter("optup_ledger_use_lost_total", "Use records that sidecars say they could not keep. Anything but 0 is a gap in what can be proven."),
		replayed: counter("optup_ledger_use_batches_replayed_total", "Batches that came again and changed nothing."),
	}
	r.MustRegister(c.decisions, c.people, c.refused, c.lost, c.replayed)
	return c
}

func (c *usesCounters) taken(decisions []wire.Decided, refused int, lost uint64, replayed bool) {
	if replayed {
		c.replayed.Inc()
		return
	}
	c.refused.Add(float64(refused))
	c.lost.Add(float64(lost))
	for i := range decisions {
		d := &decisions[i]
		c.decisions.WithLabelValues(string(d.Purpose), d.Effect).Inc()
		c.people.WithLabelValues(string(d.Purpose)).Add(float64(len(d.Uses)))
	}
}
