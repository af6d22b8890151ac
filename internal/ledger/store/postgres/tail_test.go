package postgres

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/storetest"
	"github.com/optup/optup/internal/testkit/postgres"
)

// TestACommitWakesTheOthers: somebody who hardly ever looks by itself sees what another one appends.
func TestACommitWakesTheOthers(t *testing.T) {
	s := open(t, postgres.Shared(t).Database(t))
	ended, end := context.WithCancel(t.Context())
	var seen atomic.Int64
	other := &tail{
		pool: s.side, log: slog.New(slog.DiscardHandler), now: time.Now, ended: ended, wake: make(chan struct{}, 1), every: time.Hour, appender: &atomic.Uint32{},
		watch: func(changes []store.Change) { seen.Store(int64(changes[len(changes)-1].Event.Position)) },
	}
	var both sync.WaitGroup
	both.Go(other.follow)
	both.Go(other.listen)
	defer both.Wait()
	defer end()
	for n, deadline := 0, time.Now().Add(patience); seen.Load() == 0; n++ { // nobody knows when it began to listen
		if time.Now().After(deadline) {
			t.Fatal("nobody is told of a commit")
		}
		appended(t, s, storetest.Given(n))
		time.Sleep(10 * time.Millisecond)
	}
}
