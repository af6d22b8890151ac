package sqlite

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/storetest"
)

// BenchmarkAppend is about durable appends, each about another person and acknowledged by itself, by so many writers at a time, with the
// Merkle log and without it.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 256} {
		for name, options := range map[string][]journal.Option{"proof": nil, "plain": {journal.Unproven()}} {
			b.Run(fmt.Sprintf("%d/%s", writers, name), func(b *testing.B) {
				s, err := Open(b.Context(), b.TempDir(), "key-1", wrapping, time.Now, options...)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				var n atomic.Int64
				var wg sync.WaitGroup
				b.ResetTimer()
				for range writers {
					wg.Go(func() {
						for at := n.Add(1); at <= int64(b.N); at = n.Add(1) {
							a := storetest.Given(int(at))
							a.Key = strconv.FormatInt(at, 10)
							if _, errs, err := s.Append(b.Context(), a); err != nil || errs[0] != nil {
								b.Error(errs, err)
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}
