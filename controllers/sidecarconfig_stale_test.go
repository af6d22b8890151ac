package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/optup/optup/api/v1alpha1"
)

var _ = Describe("A SidecarConfig that nobody needs any more", func() {
	var w *world
	BeforeEach(func() { w = newWorld("enforce") })

	It("is deleted with the policy that named the workload", func() {
		p := w.mailer()
		w.reconcile()
		w.config()
		Expect(k8s.Delete(ctx, p)).To(Succeed())
		w.reconcile()
		Expect(w.configs()).To(BeEmpty())
	})

	It("stays while a pod of the workload is there, and denies without a policy", func() {
		p := w.mailer()
		pod := w.running("mailer", "a")
		w.reconcile()
		before := w.config().Spec
		Expect(k8s.Delete(ctx, p)).To(Succeed())
		w.reconcile()
		after := w.config().Spec
		Expect(after.Generation).To(Equal(before.Generation + 1))
		Expect(after.Purposes).To(BeEmpty())
		Expect(k8s.Delete(ctx, pod, forceDelete)).To(Succeed())
		w.reconcile()
		Expect(w.configs()).To(BeEmpty())
	})

	It("is deleted with the ledger that it is for", func() {
		l := w.ledger("main")
		create(l)
		w.reconcile()
		c := &v1alpha1.SidecarConfig{}
		c.Namespace, c.Name = consent, "ledger-main"
		fresh(c)
		Expect(k8s.Delete(ctx, l)).To(Succeed())
		w.reconcile()
		Expect(k8s.Get(ctx, keyOf(c), c)).To(MatchError(ContainSubstring("not found")))
	})

	It("makes room for one per set of labels once a policy selects by labels", func() {
		w.mailer()
		w.reconcile()
		whole := w.config().Name
		byLabel := w.policy("eu", "")
		byLabel.Spec.TargetRefs, byLabel.Spec.Selector = nil, &v1alpha1.LabelSelector{MatchLabels: map[string]string{"region": "eu"}}
		create(byLabel)
		for region, suffix := range map[string]string{"eu": "a", "us": "b"} {
			pod := w.pod("mailer", suffix)
			pod.Labels["region"] = region
			w.runs(pod)
		}
		w.reconcile()
		var regions []string
		for _, c := range w.configs() {
			Expect(c.Name).NotTo(Equal(whole))
			regions = append(regions, c.Spec.Labels["region"])
		}
		Expect(regions).To(ConsistOf("eu", "us"))
		Expect(fresh(byLabel).Status.Workloads).To(BeEquivalentTo(1))
	})

	It("was never there for a pod without a sidecar", func() {
		create(w.pod("mailer", "a"))
		w.reconcile()
		Expect(w.configs()).To(BeEmpty())
	})

	It("was never there for a pod outside governance that says it has one", func() {
		w = newWorld("")
		w.running("mailer", "a")
		w.reconcile()
		Expect(w.configs()).To(BeEmpty())
	})
})
