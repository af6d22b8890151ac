package postgres

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/storetest"
	"github.com/optup/optup/internal/testkit/postgres"
)

// BenchmarkAppend is about durable appends, with idempotency key and proof. test/bench compares them with single rows on the same server.
func BenchmarkAppend(b *testing.B) {
	server := postgres.Start(b, "max_connections=300")
	for _, writers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("%d writers", writers), func(b *testing.B) {
			s, err := Open(b.Context(), Options{URL: at(server.Database(b)), KeyID: "key-1", Wrapping: wrapping, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			var people atomic.Int64
			spread(b, writers, func() error {
				a := storetest.Given(int(people.Add(1)))
				a.Key = rand.Text()
				_, errs, err := s.Append(b.Context(), a)
				return errors.Join(append(errs, err)...)
			})
		})
	}
}

// spread runs b.N operations from some writers at the same time.
func spread(b *testing.B, writers int, op func() error) {
	b.Helper()
	if err := op(); err != nil { // what is prepared once is prepared now
		b.Fatal(err)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := op(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

var _ store.Store = (*Store)(nil)
