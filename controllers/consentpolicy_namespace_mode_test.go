package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/ir"
)

var _ = Describe("The mode label of a namespace", func() {
	published := func(w *world) ir.Mode {
		GinkgoHelper()
		b, err := ir.Decode([]byte(w.config().Spec.Bundle))
		Expect(err).NotTo(HaveOccurred())
		return b.Mode
	}

	DescribeTable("shows in the status of policies and in what is published",
		func(label string, own, want v1alpha1.Mode) {
			w := newWorld(label)
			create(w.ledger("main"), w.newsletter(), w.mail())
			p := w.policy("mailer", "mailer")
			p.Spec.Mode = own
			create(p)
			w.reconcile()
			Expect(fresh(p).Status.Mode).To(Equal(want))
			Expect(p.Status.Workloads).To(BeEquivalentTo(1))
			Expect(published(w)).To(BeEquivalentTo(want))
		},
		Entry("observe: nothing is enforced", "observe", v1alpha1.Mode(""), v1alpha1.ModeObserve),
		Entry("observe: not even what a policy enforces", "observe", v1alpha1.ModeEnforce, v1alpha1.ModeObserve),
		Entry("enforce: policies enforce by default", "enforce", v1alpha1.Mode(""), v1alpha1.ModeEnforce),
		Entry("enforce: a policy may still observe", "enforce", v1alpha1.ModeObserve, v1alpha1.ModeObserve),
		Entry("a mistyped value enforces", "obsrve", v1alpha1.Mode(""), v1alpha1.ModeEnforce),
		Entry("a value in another case enforces", "Observe", v1alpha1.Mode(""), v1alpha1.ModeEnforce),
	)

	It("governs nothing where it is missing", func() {
		w := newWorld("")
		p := w.mailer()
		w.reconcile()
		Expect(fresh(p).Status.Mode).To(BeEmpty())
		Expect(p.Status.Workloads).To(BeZero())
		Expect(w.configs()).To(BeEmpty())
	})

	It("takes what was published away when it is removed", func() {
		w := newWorld("enforce")
		p := w.mailer()
		w.reconcile()
		Expect(fresh(p).Status.Mode).To(Equal(v1alpha1.ModeEnforce))
		label(marketing, "")
		w.reconcile()
		Expect(fresh(p).Status.Mode).To(BeEmpty())
		Expect(w.configs()).To(BeEmpty())
	})

	It("goes from observing to enforcing with a new generation", func() {
		w := newWorld("observe")
		w.mailer()
		w.reconcile()
		before := w.config().Spec.Generation
		label(marketing, "enforce")
		w.reconcile()
		Expect(w.config().Spec.Generation).To(Equal(before + 1))
		Expect(published(w)).To(Equal(ir.ModeEnforce))
	})
})
