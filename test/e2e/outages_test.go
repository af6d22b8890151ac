package e2e

import (
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/test/road"
)

// counted waits until status says of every workload with pods that all of its sidecars run its newest bundle.
func counted(ctx SpecContext) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var l v1alpha1.SidecarConfigList
		g.Expect(r.List(ctx, &l, client.InNamespace("marketing"))).To(Succeed())
		seen := 0
		for _, c := range l.Items {
			if c.Spec.Workload.Name == "ticker" || c.Spec.Workload.Name == "dashboard" {
				g.Expect(c.Status.Ready).To(Equal("1/1"), c.Name)
				g.Expect(c.Status.OldestGeneration).To(Equal(c.Spec.Generation), c.Name)
				seen++
			}
		}
		g.Expect(seen).To(Equal(2))
	}).WithContext(ctx).WithTimeout(90 * time.Second).Should(Succeed())
}

// leader waits for a leading pod other than the given one.
func leader(ctx SpecContext, other string) (name string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var l coordinationv1.Lease
		g.Expect(r.Client.Get(ctx, types.NamespacedName{Namespace: "optup-system", Name: "optup-manager"}, &l)).To(Succeed())
		g.Expect(l.Spec.HolderIdentity).NotTo(BeNil())
		name, _, _ = strings.Cut(*l.Spec.HolderIdentity, "_")
		g.Expect(name).NotTo(Or(BeEmpty(), Equal(other)))
	}).WithContext(ctx).WithTimeout(time.Minute).Should(Succeed())
	return name
}

// freeze stops the ledger; what it returns lets it go on.
func freeze(ctx SpecContext) func() {
	GinkgoHelper()
	var replicas corev1.PodList
	Expect(r.List(ctx, &replicas, client.InNamespace("consent"), client.MatchingLabels{"consent.optup.dev/ledger": "main"})).To(Succeed())
	Expect(replicas.Items).NotTo(BeEmpty())
	var pids []int
	for _, p := range replicas.Items {
		pids = append(pids, processes("/ledger", p.Name)...)
	}
	signal(pids, syscall.SIGSTOP)
	return func() { signal(pids, syscall.SIGCONT) }
}

var _ = Describe("outages", Ordered, func() {
	It("sidecar killed under load: nothing gets around it", func(ctx SpecContext) {
		who := refused()
		watch(ctx, who)
		Eventually(func() int { return ticked(ctx).Requests }).WithContext(ctx).WithTimeout(20 * time.Second).Should(BeNumerically(">", 50))
		p, err := r.Pod(ctx, "marketing", road.App("ticker"))
		Expect(err).NotTo(HaveOccurred())
		signal(processes("/sidecar", p.Name), syscall.SIGKILL)
		Eventually(func() int { return ticked(ctx).Failed }).WithContext(ctx).WithTimeout(20*time.Second).WithPolling(100*time.Millisecond).
			Should(BeNumerically(">", 0), "requests have to fail while the sidecar is away")
		Eventually(func() int32 {
			var now corev1.Pod
			Expect(r.Client.Get(ctx, client.ObjectKeyFromObject(p), &now)).To(Succeed())
			for _, s := range now.Status.InitContainerStatuses {
				if s.Name == "optup-sidecar" && s.Started != nil && *s.Started {
					return s.RestartCount
				}
			}
			return 0
		}).WithContext(ctx).WithTimeout(time.Minute).Should(BeNumerically(">", 0))
		Expect(delivered(ctx, who)).To(BeZero(), "somebody who refused was mailed")
		flows(ctx, allowed())
		Expect(delivered(ctx, who)).To(BeZero())
		watch(ctx, "")
	}, SpecTimeout(3*time.Minute))

	It("manager away: enforcement goes on, governed pods are refused, others are untouched; it comes back in sync", func(ctx SpecContext) {
		Expect(r.Scale(ctx, "optup-system", "optup-manager", 0)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(r.Scale(ctx, "optup-system", "optup-manager", 2)).To(Succeed()) })
		Eventually(func() error {
			p := pause("marketing", "governed", nil)
			err := r.Create(ctx, p)
			if err == nil {
				_ = r.Delete(ctx, p)
			}
			return err
		}).WithContext(ctx).WithTimeout(30 * time.Second).Should(MatchError(ContainSubstring("failed calling webhook")))
		free := pause("crm", "ungoverned", nil)
		Expect(r.Create(ctx, free)).To(Succeed())
		Expect(r.Delete(ctx, free)).To(Succeed())
		flows(ctx, allowed())
		who := refused()
		watch(ctx, who)
		Eventually(func() int { return ticked(ctx).Requests }).WithContext(ctx).WithTimeout(20 * time.Second).Should(BeNumerically(">", 50))
		Expect(delivered(ctx, who)).To(BeZero())
		watch(ctx, "")

		Expect(r.Scale(ctx, "optup-system", "optup-manager", 2)).To(Succeed())
		counted(ctx)
	}, SpecTimeout(5*time.Minute))

	It("several managers: the leader counts every sidecar, whichever replica it is connected to, and so does the next leader", func(ctx SpecContext) {
		Expect(r.Scale(ctx, "optup-system", "optup-manager", 3)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(r.Scale(ctx, "optup-system", "optup-manager", 2)).To(Succeed()) })
		for range 2 {
			counted(ctx)
			name := leader(ctx, "")
			Expect(r.Delete(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "optup-system", Name: name}})).To(Succeed())
			leader(ctx, name)
		}
		counted(ctx)
	}, SpecTimeout(6*time.Minute))

	bound := func(ctx SpecContext, seconds string) {
		for _, name := range []string{"ticker", "campaign"} {
			p := &v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: name}}
			Expect(r.Patch(ctx, p, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"freshnessBound":"`+seconds+`"}}`)))).To(Succeed())
		}
		Expect(r.Mode(ctx, "marketing", "Enforce")).To(Succeed())
	}

	It("ledger cut for longer than the bound: newsletters are denied, and flow again when it is back", func(ctx SpecContext) {
		bound(ctx, "5s")
		flows(ctx, allowed())
		resume := freeze(ctx)
		defer func() { resume() }()
		Eventually(func() string { return ticked(ctx).LastReason }).WithContext(ctx).WithTimeout(15 * time.Second).WithPolling(200 * time.Millisecond).Should(Equal("LEDGER_BEHIND"))
		count := delivered(ctx, allowed())
		Consistently(func() int { return delivered(ctx, allowed()) }).WithContext(ctx).WithTimeout(2 * time.Second).Should(Equal(count))
		resume()
		resume = func() {}
		flows(ctx, allowed())
		watch(ctx, "")
	}, SpecTimeout(2*time.Minute))

	It("ledger down at start: the newsletter is denied, every invoice goes out", func(ctx SpecContext) {
		forget(ctx)
		resume := freeze(ctx)
		defer func() { resume() }()
		_, err := r.RunJob(ctx, "invoice")
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Mailed(ctx, "d-invoice")).To(HaveLen(listed))
		Expect(r.Restart(ctx, "marketing", "ticker")).To(Succeed())
		// What the ticker before had under way has arrived by now; from here on the new sidecar alone decides.
		before := delivered(ctx, allowed())
		watch(ctx, allowed())
		Eventually(func() string { return ticked(ctx).LastReason }).WithContext(ctx).WithTimeout(10 * time.Second).WithPolling(100 * time.Millisecond).Should(Equal("LEDGER_BEHIND"))
		Expect(delivered(ctx, allowed())).To(Equal(before))
		resume()
		resume = func() {}
		flows(ctx, allowed())
		watch(ctx, "")
	}, SpecTimeout(3*time.Minute))
})
