package sqlite

import (
	"sync"
	"testing"

	"github.com/optup/optup/internal/ledger/storetest"
)

// TestConnectionsSeeOneMoment although somebody appends while they begin. There are so many of them that some commit falls in between.
func TestConnectionsSeeOneMoment(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			default:
				if _, errs, err := s.Append(t.Context(), storetest.Given(n)); err != nil || errs[0] != nil {
					t.Error(errs, err)
					return
				}
			}
		}
	})
	defer wg.Wait()
	defer close(done)
	for range 20 {
		all, head, err := s.scanners(t.Context(), 32)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			if h, err := headOf(r.head); err != nil || h.Position != head.Position {
				t.Errorf("one of %d connections sees position %d, %v; want %d", len(all), h.Position, err, head.Position)
			}
		}
		closeAll(all)
	}
}
