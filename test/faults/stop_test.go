package faults

import (
	"bytes"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestStoppedForLongerThanTheBound stops the sidecar, as a frozen container or a sleeping machine is stopped, and lets somebody
// withdraw meanwhile. When it wakes up it does not go by what it knew, neither for requests that waited nor on streams that are open.
func TestStoppedForLongerThanTheBound(t *testing.T) {
	for name, held := range map[string]bool{"the ledger's news are there when it wakes up": false, "the ledger's news are late": true} {
		t.Run(name, func(t *testing.T) {
			w := open(t, setting{})
			gone, stays := w.shop.market.Permitted[11], w.shop.market.Permitted[12]
			var apps []*app
			var streams []*stream
			var asleep atomic.Bool
			for i := range 8 {
				a := w.appAt(w.base, i%2 == 1)
				if got := a.send("d-news", "before", gone, stays); got.status != http.StatusAccepted {
					t.Fatalf("before: %v", got)
				}
				apps = append(apps, a)
				if i < 4 {
					streams = append(streams, w.appAt(w.base, i%2 == 1).follow(func(lines []byte) {
						clean(t, w.shop.market, "a stream", lines)
						if asleep.Load() && bytes.Contains(lines, []byte(gone.Mail)) {
							t.Error("a stream tells of somebody who has withdrawn")
						}
					}))
				}
			}
			for _, s := range streams {
				w.soon("streams flow", func() bool { return s.got.Load() > 100_000 })
			}
			w.calm(streams)
			w.stop()
			stopped := time.Now()
			if held {
				w.ledger.turn(holding)
			}
			w.withdraw(gone)
			asleep.Store(true)
			w.shop.quiet.Store(false) // what comes meanwhile waits
			answers := make(chan answer, len(apps))
			var written sync.WaitGroup
			for _, a := range apps[:4] {
				written.Go(func() { answers <- a.send("d-news", "after", gone, stays) })
			}
			time.Sleep(time.Until(stopped.Add(bound + 500*time.Millisecond))) // longer than facts may be old
			if err := w.sidecar.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			for _, a := range apps[4:] {
				written.Go(func() { answers <- a.send("d-news", "after", gone, stays) })
			}
			written.Wait()
			close(answers)
			for a := range answers {
				if held && !a.behind() || !held && !a.behind() && a.status != http.StatusAccepted {
					t.Errorf("after waking up: %v", a)
				}
			}
			if held {
				for _, s := range streams {
					w.cutOff(s)
				}
			}
			w.ledger.turn(passing)
			w.fresh()
			if got := w.app().send("d-news", "later", gone, stays); got.status != http.StatusAccepted || !w.shop.reached("later", stays.Mail) {
				t.Errorf("with fresh facts: %v", got)
			}
			for _, subject := range []string{"after", "later"} {
				if w.shop.reached(subject, gone.Mail) {
					t.Errorf("%s: a mail reached somebody who has withdrawn", subject)
				}
			}
			w.shop.spared()
		})
	}
}

// calm has the service say nothing more, and waits until everything that was decided has arrived.
func (w *world) calm(streams []*stream) {
	w.t.Helper()
	w.shop.quiet.Store(true)
	var last int64
	same := 0
	w.soon("streams are calm", func() bool {
		var sum int64
		for _, s := range streams {
			sum += s.got.Load()
		}
		if same++; sum != last {
			same, last = 0, sum
		}
		return same > 10
	})
}

// cutOff fails unless a stream was cut and does not look whole.
func (w *world) cutOff(s *stream) {
	w.t.Helper()
	select {
	case err := <-s.ended:
		if err == nil {
			w.t.Error("a stream that was cut looks whole")
		}
	case <-time.After(bound):
		w.t.Error("a stream goes on by old facts")
	}
}
