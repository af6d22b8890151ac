package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/optup/optup/internal/ledger/funnel"
)

// smallest is the smallest number of people about whom a figure leaves the ledger.
const smallest = 10

// funnelMetrics shows what becomes of asking at the touchpoints of the bundle: nobody can make up others.
type funnelMetrics struct {
	counted func() ([]funnel.Cell, bool)
	bundles *bundles
	desc    *prometheus.Desc
}

func newFunnelMetrics(f *funnel.Funnel, b *bundles) *funnelMetrics {
	return &funnelMetrics{
		counted: func() ([]funnel.Cell, bool) { cells, _, ok := f.Counted(); return cells, ok }, bundles: b,
		desc: prometheus.NewDesc("optup_ledger_touchpoint_acts", "What people did where they were asked; counts of fewer than 10 are left out.",
			[]string{"touchpoint", "notice", "act"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *funnelMetrics) Describe(to chan<- *prometheus.Desc) { to <- m.desc }

// Collect implements prometheus.Collector.
func (m *funnelMetrics) Collect(to chan<- prometheus.Metric) {
	cells, ok := m.counted()
	b := m.bundles.get()
	if !ok || b == nil {
		return
	}
	declared := map[funnel.Key]bool{}
	for i := range b.Touchpoints {
		for _, n := range b.Touchpoints[i].Offers() {
			declared[funnel.Key{Touchpoint: b.Touchpoints[i].Name, Notice: n}] = true
		}
	}
	for _, c := range cells {
		if !declared[c.Key] {
			continue
		}
		for act, n := range map[string]int64{
			"asked": c.Asked, "given": c.Given, "confirmed": c.Confirmed, "refused": c.Refused, "deferred": c.Deferred, "withdrawn": c.Withdrawn,
		} {
			if n >= smallest {
				to <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, float64(n), c.Touchpoint, string(c.Notice), act)
			}
		}
	}
}
