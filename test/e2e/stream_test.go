package e2e

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/shop"
	"github.com/optup/optup/test/road"
)

var _ = Describe("an answer that does not end", Ordered, func() {
	It("tells of those who agreed only, and a withdrawal takes the person out of the stream that is open", func(ctx SpecContext) {
		Expect(r.Apply(ctx, r.Manifest("live.yaml"))).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			regular(ctx, "")
			live := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "live"}}
			Expect(client.IgnoreNotFound(r.Delete(ctx, live))).To(Succeed())
		})
		Expect(r.Ready(ctx, "marketing", "live")).To(Succeed())
		var address string
		for a := range truth.ProfileView {
			address = a
			break
		}
		Expect(address).NotTo(BeEmpty())

		By("following the stream")
		regular(ctx, address)
		Eventually(func() int { return visitor(ctx, address).Visits }).WithContext(ctx).WithTimeout(30 * time.Second).WithPolling(200 * time.Millisecond).Should(BeNumerically(">", 20))
		Eventually(func() int { return live(ctx).People }).WithContext(ctx).WithTimeout(time.Minute).WithPolling(500 * time.Millisecond).Should(BeNumerically(">", 5))
		before := live(ctx)
		for _, c := range shop.People(1, 400) {
			if !truth.ProfileView[c.Email] {
				Expect(visitor(ctx, c.Email).Visits).To(BeZero())
			}
		}

		By("withdrawing")
		ledger, err := r.OpenLedger(ctx)
		Expect(err).NotTo(HaveOccurred())
		defer ledger.Close()
		_, err = ledger.Append(ctx, address, consent.Event{Type: consent.EventWithdrawn, Purpose: "profile-view"})
		Expect(err).NotTo(HaveOccurred())
		delete(truth.ProfileView, address)
		time.Sleep(time.Second)
		count := visitor(ctx, address).Visits
		Consistently(func() int { return visitor(ctx, address).Visits }).WithContext(ctx).WithTimeout(3 * time.Second).Should(Equal(count))

		By("looking at the stream, which is the same one and goes on for others")
		after := live(ctx)
		Expect(after.Streams).To(Equal(before.Streams))
		Expect(after.Denied).To(BeZero())
		Eventually(func() int { return live(ctx).Visits }).WithContext(ctx).WithTimeout(30 * time.Second).Should(BeNumerically(">", after.Visits))
	}, SpecTimeout(3*time.Minute))
})

// regular says who visits the shop at every moment.
func regular(ctx context.Context, address string) {
	p, err := r.Pod(ctx, "crm", road.App("crm"))
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Tell(ctx, p, 8081, "/regular", map[string]string{"email": address})).To(Succeed())
}

// live is what the live view saw.
func live(ctx context.Context) shop.LiveStats {
	var s shop.LiveStats
	p, err := r.Pod(ctx, "marketing", road.App("live"))
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Ask(ctx, p, 8081, "/stats", &s)).To(Succeed())
	return s
}

func visitor(ctx context.Context, address string) shop.Visitor {
	var v shop.Visitor
	p, err := r.Pod(ctx, "marketing", road.App("live"))
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Ask(ctx, p, 8081, "/seen?email="+address, &v)).To(Succeed())
	return v
}
