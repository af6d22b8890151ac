package manager

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	_ "sigs.k8s.io/controller-runtime/pkg/webhook" // registers its metrics

	"github.com/optup/optup/internal/testkit"
)

func TestWhatIsChartedIsExported(t *testing.T) {
	r, ok := metrics.Registry.(prometheus.Collector)
	if !ok {
		t.Fatal("the manager's registry cannot tell what it exports")
	}
	testkit.Charted(t, "../../charts/optup", testkit.Described(r), "controller_runtime_", "workqueue_")
}
