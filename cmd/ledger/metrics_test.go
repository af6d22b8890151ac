package main

import (
	"testing"

	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/testkit"
)

func TestWhatIsChartedIsExported(t *testing.T) {
	l := ledgertest.New(t).Start()
	testkit.Charted(t, "../../charts/optup", testkit.Described(newMetrics(l.Store, l.Hub, l.Stream, l.Funnel, l.Share, &bundles{}).registry), "optup_ledger_")
}
