package e2e

import (
	"context"
	"time"

	. "github.com/onsi/gomega"

	"github.com/optup/optup/test/road"
)

// ticks is what the ticker saw since its last watch began.
type ticks struct {
	Requests   int    `json:"requests"`
	Accepted   int    `json:"accepted"`
	Denied     int    `json:"denied"`
	Failed     int    `json:"failed"`
	LastReason string `json:"lastReason"`
}

// watch has the ticker mail somebody every few milliseconds; "" rests.
func watch(ctx context.Context, address string) {
	p, err := r.Pod(ctx, "marketing", road.App("ticker"))
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Tell(ctx, p, 8081, "/watch", map[string]string{"email": address})).To(Succeed())
}

func ticked(ctx context.Context) ticks {
	var s ticks
	p, err := r.Pod(ctx, "marketing", road.App("ticker"))
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Ask(ctx, p, 8081, "/stats", &s)).To(Succeed())
	return s
}

// delivered is how many newsletters somebody got.
func delivered(ctx context.Context, address string) int {
	var seen struct {
		Count int `json:"count"`
	}
	p, err := r.Pod(ctx, "esp", road.App("esp"))
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Ask(ctx, p, 8081, "/seen?template=d-newsletter&email="+address, &seen)).To(Succeed())
	return seen.Count
}

func forget(ctx context.Context) {
	p, err := r.Pod(ctx, "esp", road.App("esp"))
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Tell(ctx, p, 8081, "/reset", struct{}{})).To(Succeed())
}

// flows waits until newsletters to somebody arrive.
func flows(ctx context.Context, address string) {
	watch(ctx, address)
	before := delivered(ctx, address)
	Eventually(func() int { return delivered(ctx, address) }).WithContext(ctx).WithTimeout(30 * time.Second).WithPolling(200 * time.Millisecond).Should(BeNumerically(">", before+5))
}
