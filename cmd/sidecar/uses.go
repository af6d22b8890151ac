package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/optup/optup/internal/metrics"
	"github.com/optup/optup/internal/proxy/follow"
	"github.com/optup/optup/internal/uses"
)

// usesFolder is where use records wait for a ledger, within the state folder.
const usesFolder = "uses"

// newRecorder opens the spool of use records. Without a state folder they wait in memory, which a restart empties.
func newRecorder(o options, f *follow.Follower) (*uses.Recorder, error) {
	u := uses.Options{Send: f.SendUses, MaxSpool: o.usesSpool << 20}
	if o.state != "" {
		u.Dir = filepath.Join(o.state, usesFolder)
	}
	return uses.New(u)
}

// delivery is the part of the stop time that is kept for use records, after requests have ended.
func (o options) delivery() time.Duration { return min(o.stopTime/4, 2*time.Second) }

// exportUses adds how records fare.
func exportUses(r *metrics.Registry, u *uses.Recorder) {
	counter := func(name, help string, of func(uses.Stats) uint64) {
		r.Count(name, help, func() []metrics.Value { return metrics.One(float64(of(u.Stats()))) })
	}
	gauge := func(name, help string, of func(uses.Stats) int64) {
		r.Gauge(name, help, func() []metrics.Value { return metrics.One(float64(of(u.Stats()))) })
	}
	counter("optup_sidecar_uses_recorded_total", "Use records, of decisions and of people in them, that were kept for a ledger.",
		func(s uses.Stats) uint64 { return s.Recorded })
	counter("optup_sidecar_uses_lost_total", "Use records that could not be kept: what they would have proven is not proven. Anything but 0 needs attention.",
		func(s uses.Stats) uint64 { return s.Lost })
	counter("optup_sidecar_uses_refused_total", "Decisions that a ledger did not take, because the workload's grant does not cover them.",
		func(s uses.Stats) uint64 { return s.Refused })
	counter("optup_sidecar_uses_delivered_batches_total", "Batches of use records that a ledger took.", func(s uses.Stats) uint64 { return s.Delivered })
	gauge("optup_sidecar_uses_ring_parts", "Parts of records that wait to be put into a batch.", func(s uses.Stats) int64 { return int64(s.Waiting) })
	gauge("optup_sidecar_uses_ring_capacity", "How many parts can wait.", func(s uses.Stats) int64 { return int64(s.Room) })
	gauge("optup_sidecar_uses_spool_bytes", "Bytes of use records that wait for a ledger.", func(s uses.Stats) int64 { return s.SpoolBytes })
	gauge("optup_sidecar_uses_spool_capacity_bytes", "How many bytes can wait for each ledger.", func(s uses.Stats) int64 { return s.SpoolMax })
	gauge("optup_sidecar_uses_spool_batches", "Batches of use records that wait for a ledger.", func(s uses.Stats) int64 { return int64(s.SpoolBatches) })
}

// untilStopped gives the time that is left for records once requests have ended.
func untilStopped(ctx context.Context, ended <-chan struct{}, o options) func() (context.Context, context.CancelFunc) {
	return func() (context.Context, context.CancelFunc) {
		<-ended
		return context.WithTimeout(context.WithoutCancel(ctx), o.delivery())
	}
}
