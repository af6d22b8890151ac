package metrics_test

import (
	"io"
	"math"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/optup/optup/internal/metrics"
)

// scraped is what Prometheus's own parser reads of a registry.
func scraped(t *testing.T, r *metrics.Registry) map[string]*dto.MetricFamily {
	t.Helper()
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if got := w.Header().Get("Content-Type"); got != string(expfmt.NewFormat(expfmt.TypeTextPlain)) {
		t.Errorf("content type %q", got)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatalf("%v in\n%s", err, w.Body)
	}
	return all
}

func TestPrometheusReadsWhatWasCounted(t *testing.T) {
	r := metrics.New()
	plain := r.Counter("plain_total", "Without labels.\nBut with \\ two lines.")
	some := r.Counters("some_total", "With labels.", "zone", "kind")
	long := r.Histograms("long_seconds", "Durations.", []time.Duration{time.Millisecond, time.Second}, "route")
	r.Gauge("age_seconds", "Asked for.", func() []metrics.Value {
		return []metrics.Value{{Value: math.NaN(), Labels: []string{"a"}}, {Value: -1.5, Labels: []string{"b"}}}
	}, "who")
	r.Counters("never_total", "Nothing of it was counted.", "kind")
	plain.Add(1 << 53)
	odd := "quo\"te\\ and\nline \xff"
	some.With("eu", odd).Add(2)
	some.With("eu", odd).Inc()
	some.With("us", "z").Inc()
	for _, d := range []time.Duration{0, time.Millisecond, time.Millisecond + 1, time.Second, time.Hour} {
		long.With("r").Observe(d)
	}
	all := scraped(t, r)
	if len(all) != 4 {
		t.Errorf("%d families", len(all))
	}
	if m := all["plain_total"]; m.GetHelp() != "Without labels.\nBut with \\ two lines." || m.GetMetric()[0].GetCounter().GetValue() != 1<<53 {
		t.Errorf("%v", m)
	}
	if m := all["some_total"].GetMetric(); len(m) != 2 || m[0].GetCounter().GetValue() != 3 || m[0].GetLabel()[0].GetName() != "kind" ||
		m[0].GetLabel()[0].GetValue() != "quo\"te\\ and\nline \uFFFD" || m[0].GetLabel()[1].GetValue() != "eu" {
		t.Errorf("%v", m)
	}
	if m := all["age_seconds"]; m.GetType() != dto.MetricType_GAUGE || !math.IsNaN(m.GetMetric()[0].GetGauge().GetValue()) || m.GetMetric()[1].GetGauge().GetValue() != -1.5 {
		t.Errorf("%v", m)
	}
	h := all["long_seconds"].GetMetric()[0].GetHistogram()
	var counts []uint64
	for _, b := range h.GetBucket() {
		counts = append(counts, b.GetCumulativeCount())
	}
	if !slices.Equal(counts, []uint64{2, 4, 5}) || h.GetSampleCount() != 5 || math.Abs(h.GetSampleSum()-3601.002000001) > 1e-9 || h.GetBucket()[0].GetUpperBound() != .001 {
		t.Errorf("%v", h)
	}
}

func TestNamesAreThoseOfPrometheus(t *testing.T) {
	r := metrics.New()
	r.Process()
	if got := len(scraped(t, r)); got != len(r.Names()) {
		t.Errorf("%d of %d are known here", got, len(r.Names()))
	}
	problems, err := promlint.New(strings.NewReader(r.Text())).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for _, name := range []string{"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "go_goroutines", "go_memstats_heap_alloc_bytes"} {
		m := scraped(t, r)[name].GetMetric()[0]
		if m.GetGauge().GetValue()+m.GetCounter().GetValue() <= 0 {
			t.Errorf("%s: %v", name, m)
		}
	}
}

func TestCountingIsForEverybodyAtOnce(t *testing.T) {
	r := metrics.New()
	c, h := r.Counters("c_total", "c", "l"), r.Histograms("h_seconds", "h", []time.Duration{1}, "l")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				c.With("x").Inc()
				h.With("x").Observe(2)
			}
		})
		wg.Go(func() { _, _ = io.WriteString(io.Discard, r.Text()) })
	}
	wg.Wait()
	all := scraped(t, r)
	if all["c_total"].GetMetric()[0].GetCounter().GetValue() != 4000 || all["h_seconds"].GetMetric()[0].GetHistogram().GetSampleCount() != 4000 {
		t.Errorf("%s", r.Text())
	}
}

func TestMistakesOfTheCallerPanic(t *testing.T) {
	for name, mistake := range map[string]func(*metrics.Registry){
		"a name twice":             func(r *metrics.Registry) { r.Counter("a_total", ""); r.Counter("a_total", "") },
		"too few values of labels": func(r *metrics.Registry) { r.Counters("a_total", "", "l").With() },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("nothing happened")
				}
			}()
			mistake(metrics.New())
		})
	}
}
