package main

import (
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/testkit"
)

func TestWhatIsChartedIsExported(t *testing.T) {
	group, ctx := errgroup.WithContext(t.Context())
	s, err := newSidecar(ctx, group, options{state: t.TempDir(), usesSpool: 1})
	if err != nil {
		t.Fatal(err)
	}
	testkit.Charted(t, "../../charts/optup", s.registry.Names(), "optup_sidecar_")
}

func TestTracesAreOffUnlessAnEndpointIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		variable string
		flag     string
		want     bool
	}{
		"nothing is named": {"", "", false}, "a variable": {"http://127.0.0.1:1", "", true}, "the flag": {"", "http://127.0.0.1:1", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.variable)
			tracer, stop, err := newTracer(options{traces: c.flag})
			if err != nil || (tracer != nil) != c.want {
				t.Errorf("tracer %v, %v", tracer, err)
			}
			if c.want {
				go stop(t.Context())
			}
		})
	}
}

func TestTheStopTimeIsShared(t *testing.T) {
	for stop, want := range map[time.Duration]time.Duration{4 * time.Second: time.Second, time.Minute: 2 * time.Second, 0: 0} {
		if got := (options{stopTime: stop}).delivery(); got != want {
			t.Errorf("of %s, %s are kept for records, not %s", stop, got, want)
		}
	}
}
