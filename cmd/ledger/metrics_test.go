package main

import (
	"testing"

	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/rekey"
	"github.com/optup/optup/internal/ledger/server"
	"github.com/optup/optup/internal/testkit"
)

func TestWhatIsChartedIsExported(t *testing.T) {
	l := ledgertest.New(t).Start()
	served := &server.Ledger{
		Store: l.Store, Hub: l.Hub, Stream: l.Stream, Funnel: l.Funnel, Share: l.Share, Keys: l.Keys, Rekey: rekey.New(rekey.Options{}),
	}
	testkit.Charted(t, "../../charts/optup", testkit.Described(newMetrics(served, &bundles{}).registry), "optup_ledger_")
}
