package e2e

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/test/road"
)

// writer appends events through the ledger's Service, several at a time, each with a key of its own.
type writer struct {
	ledger *road.Ledger
	name   string
	// patience is for how long an append that fails is tried again, with the same key; 0 for not at all.
	patience time.Duration

	written atomic.Int64
	mu      sync.Mutex
	at      map[string]uint64
	failed  []string
}

const writersAtATime = 4

// run writes until the context ends.
func (w *writer) run(ctx context.Context) {
	w.at = map[string]uint64{}
	var all sync.WaitGroup
	for i := range writersAtATime {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				w.one(fmt.Sprintf("%s-%d-%d", w.name, i, n))
			}
		})
	}
	all.Wait()
}

// one appends one event; it is not cut off when the others end.
func (w *writer) one(key string) {
	end := time.Now().Add(w.patience)
	for {
		a, err := w.append(key)
		w.mu.Lock()
		if err == nil {
			w.at[key] = a.Position
		} else if !time.Now().Before(end) {
			w.failed = append(w.failed, key+": "+err.Error())
		}
		w.mu.Unlock()
		if err == nil {
			w.written.Add(1)
			return
		}
		if !time.Now().Before(end) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (w *writer) append(key string) (road.Appended, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return w.ledger.AppendOnce(ctx, key, key+"@handover.example", consent.Event{Type: consent.EventRefused, Purpose: "newsletter"})
}

// writing writes while something happens, and gives what came of it.
func writing(ctx SpecContext, name string, patience time.Duration, while func(w *writer)) *writer {
	GinkgoHelper()
	if cluster := os.Getenv("CLUSTER"); cluster != "" && cluster != "local" {
		Skip("the writer goes by a ClusterIP, which this machine does not reach")
	}
	ledger, err := r.DialLedger(ctx)
	Expect(err).NotTo(HaveOccurred())
	defer ledger.Close()
	w := &writer{ledger: ledger, name: name, patience: patience}
	writing, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); w.run(writing) }()
	func() {
		defer func() { stop(); <-done }()
		more(ctx, w, 50)
		while(w)
		more(ctx, w, 50)
	}()
	GinkgoWriter.Printf("%s: %d events were written\n", name, w.written.Load())
	// Each was taken once: its key still gives the position that was acknowledged.
	checked := 0
	for key, position := range w.at {
		if checked++; checked > 200 {
			break
		}
		a, err := w.append(key)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Position).To(Equal(position), key)
	}
	return w
}

// more waits until that many more events are written.
func more(ctx SpecContext, w *writer, n int64) {
	GinkgoHelper()
	until := w.written.Load() + n
	Eventually(w.written.Load).WithContext(ctx).WithTimeout(30 * time.Second).WithPolling(20 * time.Millisecond).Should(BeNumerically(">=", until))
}

var _ = Describe("replicas of the ledger", Ordered, func() {
	It("hand over in a rollout without a refused write", func(ctx SpecContext) {
		w := writing(ctx, fmt.Sprintf("rollout-%d", time.Now().UnixNano()), 0, func(*writer) {
			Expect(r.Restart(ctx, "consent", "main-ledger")).To(Succeed())
		})
		Expect(w.failed).To(BeEmpty())
	}, SpecTimeout(4*time.Minute))

	It("go on writing when one of them is killed", func(ctx SpecContext) {
		w := writing(ctx, fmt.Sprintf("kill-%d", time.Now().UnixNano()), 15*time.Second, func(w *writer) {
			p, err := r.Pod(ctx, "consent", map[string]string{"consent.optup.dev/ledger": "main"})
			Expect(err).NotTo(HaveOccurred())
			signal(processes("/ledger", p.Name), syscall.SIGKILL)
			more(ctx, w, 200)
			Expect(r.Ready(ctx, "consent", "main-ledger")).To(Succeed())
		})
		Expect(w.failed).To(BeEmpty())
	}, SpecTimeout(4*time.Minute))
})
