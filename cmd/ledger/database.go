package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/postgres"
)

// database exports the numbers of a store that has connections.
type database struct {
	store                                     *postgres.Store
	open, used, most, waits, waited, followed *prometheus.Desc
}

// newDatabase gives the collector of a store; nil for one that is embedded.
func newDatabase(db store.Store) prometheus.Collector {
	s, ok := db.(*postgres.Store)
	if !ok {
		return nil
	}
	d := &database{store: s}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("optup_ledger_"+name, help, labels, nil)
	}
	d.open = desc("database_connections", "Connections to the database.", "pool")
	d.used = desc("database_connections_used", "Connections to the database that are busy.", "pool")
	d.most = desc("database_connections_max", "How many connections to the database there may be.", "pool")
	d.waits = desc("database_waits_total", "Questions that had to wait for a connection.", "pool")
	d.waited = desc("database_wait_seconds_total", "How long questions waited for a connection, together.", "pool")
	d.followed = desc("followed_position", "Position up to which this replica's subscribers are told every change. Behind the position, it is stale.")
	return d
}

// Describe implements prometheus.Collector.
func (d *database) Describe(ch chan<- *prometheus.Desc) {
	for _, one := range []*prometheus.Desc{d.open, d.used, d.most, d.waits, d.waited, d.followed} {
		ch <- one
	}
}

// Collect implements prometheus.Collector.
func (d *database) Collect(ch chan<- prometheus.Metric) {
	for _, c := range d.store.Connections() {
		ch <- prometheus.MustNewConstMetric(d.open, prometheus.GaugeValue, float64(c.Open), c.Pool)
		ch <- prometheus.MustNewConstMetric(d.used, prometheus.GaugeValue, float64(c.Used), c.Pool)
		ch <- prometheus.MustNewConstMetric(d.most, prometheus.GaugeValue, float64(c.Most), c.Pool)
		ch <- prometheus.MustNewConstMetric(d.waits, prometheus.CounterValue, float64(c.Waits), c.Pool)
		ch <- prometheus.MustNewConstMetric(d.waited, prometheus.CounterValue, c.Waited.Seconds(), c.Pool)
	}
	ch <- prometheus.MustNewConstMetric(d.followed, prometheus.GaugeValue, float64(d.store.Followed()))
}
