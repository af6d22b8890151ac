package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
)

// stale marks the end of a series.
var stale = math.Float64frombits(value.StaleNaN)

// span is the time that the panels show.
type span struct{ from, to time.Time }

// series is one line of a panel: its name, its labels and its points, of which instant queries have one.
type series struct {
	name   string
	labels map[string]string
	points []point
}

type point struct{ t, v float64 } // seconds since the beginning of the span

// ask gives what all targets of a panel give. Series that are nothing but NaN, such as quantiles of no
// request, count as none. Targets that give nothing are in silent.
func (s *store) ask(ctx context.Context, p *panel, during span) (out []series, silent []error, err error) {
	for _, t := range p.Targets {
		q, err := s.query(ctx, t, during)
		if err != nil {
			return nil, nil, err
		}
		r := q.Exec(ctx)
		if r.Err != nil {
			return nil, nil, fmt.Errorf("%s: %w", t.query(), r.Err)
		}
		found := collect(t, r.Value, during)
		if len(found) == 0 {
			silent = append(silent, fmt.Errorf("the panel %q: nothing for %s", p.Title, t.query()))
		}
		out = append(out, found...)
		q.Close()
	}
	return out, silent, nil
}

func (s *store) query(ctx context.Context, t target, during span) (promql.Query, error) {
	opts := promql.NewPrometheusQueryOpts(false, 0, nil)
	if t.Instant {
		return s.engine.NewInstantQuery(ctx, s.db, opts, t.query(), during.to)
	}
	return s.engine.NewRangeQuery(ctx, s.db, opts, t.query(), during.from, during.to, time.Second)
}

func collect(t target, v any, during span) []series {
	var out []series
	add := func(labels map[string]string, points []promql.FPoint) {
		one := series{name: t.legend(labels), labels: labels}
		for _, p := range points {
			if !math.IsNaN(p.F) {
				one.points = append(one.points, point{float64(p.T-during.from.UnixMilli()) / 1000, p.F})
			}
		}
		if len(one.points) > 0 {
			out = append(out, one)
		}
	}
	switch found := v.(type) {
	case promql.Matrix:
		for _, m := range found {
			add(m.Metric.Map(), m.Floats)
		}
		slices.SortFunc(out, func(a, b series) int { return strings.Compare(a.name, b.name) })
	case promql.Vector:
		for _, m := range found {
			add(m.Metric.Map(), []promql.FPoint{{T: m.T, F: m.F}})
		}
	}
	return out
}
