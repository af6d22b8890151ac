package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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

// usesMetrics export how records fare.
type usesMetrics struct{ *uses.Recorder }

var (
	usesRecordedDesc  = prometheus.NewDesc("optup_sidecar_uses_recorded_total", "Use records, of decisions and of people in them, that were kept for a ledger.", nil, nil)
	usesLostDesc      = prometheus.NewDesc("optup_sidecar_uses_lost_total", "Use records that could not be kept: what they would have proven is not proven. Anything but 0 needs attention.", nil, nil)
	usesRefusedDesc   = prometheus.NewDesc("optup_sidecar_uses_refused_total", "Decisions that a ledger did not take, because the workload's grant does not cover them.", nil, nil)
	usesDeliveredDesc = prometheus.NewDesc("optup_sidecar_uses_delivered_batches_total", "Batches of use records that a ledger took.", nil, nil)
	usesWaitingDesc   = prometheus.NewDesc("optup_sidecar_uses_ring_parts", "Parts of records that wait to be put into a batch.", nil, nil)
	usesRoomDesc      = prometheus.NewDesc("optup_sidecar_uses_ring_capacity", "How many parts can wait.", nil, nil)
	usesSpoolDesc     = prometheus.NewDesc("optup_sidecar_uses_spool_bytes", "Bytes of use records that wait for a ledger.", nil, nil)
	usesSpoolMaxDesc  = prometheus.NewDesc("optup_sidecar_uses_spool_capacity_bytes", "How many bytes can wait for each ledger.", nil, nil)
	usesBatchesDesc   = prometheus.NewDesc("optup_sidecar_uses_spool_batches", "Batches of use records that wait for a ledger.", nil, nil)
)

// Describe implements prometheus.Collector.
func (m usesMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		usesRecordedDesc, usesLostDesc, usesRefusedDesc, usesDeliveredDesc, usesWaitingDesc, usesRoomDesc, usesSpoolDesc, usesSpoolMaxDesc, usesBatchesDesc,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m usesMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.Stats()
	counter := func(d *prometheus.Desc, n uint64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n))
	}
	gauge := func(d *prometheus.Desc, n float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n) }
	counter(usesRecordedDesc, s.Recorded)
	counter(usesLostDesc, s.Lost)
	counter(usesRefusedDesc, s.Refused)
	counter(usesDeliveredDesc, s.Delivered)
	gauge(usesWaitingDesc, float64(s.Waiting))
	gauge(usesRoomDesc, float64(s.Room))
	gauge(usesSpoolDesc, float64(s.SpoolBytes))
	gauge(usesSpoolMaxDesc, float64(s.SpoolMax))
	gauge(usesBatchesDesc, float64(s.SpoolBatches))
}

// untilStopped gives the time that is left for records once requests have ended.
func untilStopped(ctx context.Context, ended <-chan struct{}, o options) func() (context.Context, context.CancelFunc) {
	return func() (context.Context, context.CancelFunc) {
		<-ended
		return context.WithTimeout(context.WithoutCancel(ctx), o.delivery())
	}
}
