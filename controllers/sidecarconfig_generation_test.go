package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/ir"
)

var _ = Describe("The generation of a SidecarConfig", func() {
	var (
		w *world
		p *v1alpha1.ConsentPolicy
	)
	BeforeEach(func() {
		w = newWorld("enforce")
		p = w.mailer()
		w.reconcile()
	})

	// mode changes what is compiled.
	mode := func(to v1alpha1.Mode) {
		GinkgoHelper()
		change(p, func(p *v1alpha1.ConsentPolicy) { p.Spec.Mode = to })
	}

	It("starts at 1, with the hash of the bundle", func() {
		c := w.config()
		Expect(c.Spec.Generation).To(BeEquivalentTo(1))
		Expect(c.Spec.Hash).To(Equal(ir.Hash([]byte(c.Spec.Bundle))))
		Expect(c.Spec.Workload).To(Equal(v1alpha1.WorkloadRef{Kind: "Deployment", Name: "mailer"}))
		Expect(c.Spec.Purposes).To(ConsistOf(v1alpha1.ObjectName("newsletter")))
	})

	It("stays while nothing that matters changes", func() {
		before := w.config()
		w.reconcile()
		change(p, func(p *v1alpha1.ConsentPolicy) { p.Labels = map[string]string{"team": "mail"} })
		w.running("mailer", "a")
		w.reconcile()
		after := w.config()
		Expect(after.Spec).To(Equal(before.Spec))
		Expect(after.Generation).To(Equal(before.Generation))
	})

	It("grows with every change of the bundle, and also with the way back", func() {
		first := w.config().Spec
		mode(v1alpha1.ModeObserve)
		w.reconcile()
		second := w.config().Spec
		Expect(second.Generation).To(Equal(first.Generation + 1))
		Expect(second.Hash).NotTo(Equal(first.Hash))
		mode("")
		w.reconcile()
		third := w.config().Spec
		Expect(third.Generation).To(Equal(first.Generation + 2))
		Expect(third.Hash).To(Equal(first.Hash))
	})

	It("never goes back, even after somebody deleted the SidecarConfig and a sidecar runs a higher one", func() {
		pod := w.running("mailer", "a")
		w.acknowledge(pod, 7, w.config().Spec.Hash)
		Expect(k8s.Delete(ctx, w.config())).To(Succeed())
		w.reconcile()
		Expect(w.config().Spec.Generation).To(BeEquivalentTo(8))
	})

	It("never goes back for a sidecar that connects with a higher one", func() {
		pod := w.running("mailer", "a")
		DeferCleanup(w.sessions.Open(string(pod.UID), caller(pod), 41, "1"))
		mode(v1alpha1.ModeObserve)
		w.reconcile()
		Expect(w.config().Spec.Generation).To(BeEquivalentTo(42))
	})

	It("grows without a change for a sidecar that came from another bundle with a higher one, but not without end", func() {
		pod := w.running("mailer", "a")
		before := w.config().Spec
		DeferCleanup(w.sessions.Open(string(pod.UID), caller(pod), 41, "1"))
		w.reconcile()
		Expect(w.config().Spec.Generation).To(BeEquivalentTo(42))
		Expect(w.config().Spec.Hash).To(Equal(before.Hash))
		w.acknowledge(pod, 1000, before.Hash)
		w.reconcile()
		Expect(w.config().Spec.Generation).To(BeEquivalentTo(42), "a sidecar that says more and more has us write once a minute")
	})

	It("puts right what somebody edited", func() {
		before := w.config().Spec
		c := w.config()
		c.Spec.Bundle, c.Spec.Hash = "{}", ir.Hash([]byte("{}"))
		Expect(k8s.Update(ctx, c)).To(Succeed())
		w.reconcile()
		Expect(w.config().Spec.Bundle).To(Equal(before.Bundle))
		Expect(w.config().Spec.Generation).To(Equal(before.Generation + 1))
	})

	It("counts for the ledger's bundle too", func() {
		c := &v1alpha1.SidecarConfig{}
		c.Namespace, c.Name = consent, "ledger-main"
		Expect(fresh(c).Spec.Generation).To(BeEquivalentTo(1))
		change(w.newsletter(), func(d *v1alpha1.DataPurpose) { d.Spec.ValidForDays = 30 })
		w.reconcile()
		Expect(fresh(c).Spec.Generation).To(BeEquivalentTo(2))
	})
})
