package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/optup/optup/internal/ledger/share"
)

// shareGauges export the newest edition of the figures. What it leaves out has no sample.
type shareGauges struct{ keeper *share.Keeper }

var (
	permittedDesc = prometheus.NewDesc("optup_ledger_usable_people", "People who may be used for a purpose and processing, in steps of 10.",
		[]string{"purpose", "processing"}, nil)
	populationDesc = prometheus.NewDesc("optup_ledger_population_people", "People of whom the usable share is one, in steps of 10.", nil, nil)
	headroomDesc   = prometheus.NewDesc("optup_ledger_opt_up_headroom_people", "People who lack a purpose and may lawfully be asked for it, in steps of 10.",
		[]string{"purpose"}, nil)
)

// Describe implements prometheus.Collector.
func (shareGauges) Describe(out chan<- *prometheus.Desc) {
	out <- permittedDesc
	out <- populationDesc
	out <- headroomDesc
}

// Collect implements prometheus.Collector.
func (g shareGauges) Collect(out chan<- prometheus.Metric) {
	f := g.keeper.Last()
	if f == nil {
		return
	}
	gauge := func(d *prometheus.Desc, n *int64, labels ...string) {
		if n != nil {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(*n), labels...)
		}
	}
	gauge(populationDesc, f.Population)
	for _, s := range f.Shares {
		gauge(permittedDesc, s.Permitted, string(s.Purpose), string(s.Processing))
	}
	for _, p := range f.Purposes {
		gauge(headroomDesc, p.Headroom, string(p.Purpose))
	}
}
