package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
)

var _ = Describe("How many sidecars are in sync", func() {
	var (
		w    *world
		p    *v1alpha1.ConsentPolicy
		a, b *corev1.Pod
	)
	BeforeEach(func() {
		w = newWorld("enforce")
		p = w.mailer()
		a, b = w.running("mailer", "a"), w.running("mailer", "b")
		w.reconcile()
	})

	shows := func(ready string, status metav1.ConditionStatus, reason string) {
		GinkgoHelper()
		w.reconcile()
		c := w.config()
		Expect(c.Status.Ready).To(Equal(ready))
		Expect(c.Status.Conditions).To(haveCondition("Programmed", status, reason, ""))
		Expect(fresh(p).Status.Conditions).To(haveCondition("Programmed", status, reason, ""))
		Expect(fresh(w.newsletter()).Status.Conditions).To(haveCondition("Programmed", status, reason, ""))
		Expect(fresh(w.mail()).Status.Conditions).To(haveCondition("Programmed", status, reason, ""))
	}
	inForce := func(pod *corev1.Pod) {
		GinkgoHelper()
		c := w.config()
		w.acknowledge(pod, c.Spec.Generation, c.Spec.Hash)
	}

	It("counts pods, not words: nobody has acknowledged yet", func() {
		shows("0/2", metav1.ConditionFalse, v1alpha1.ReasonSidecarsBehind)
	})

	It("grows with each acknowledgement", func() {
		inForce(a)
		shows("1/2", metav1.ConditionFalse, v1alpha1.ReasonSidecarsBehind)
		inForce(b)
		shows("2/2", metav1.ConditionTrue, v1alpha1.ReasonProgrammed)
		Expect(w.config().Status.OldestGeneration).To(BeEquivalentTo(1))
	})

	It("falls back with a newer bundle, and names the oldest one in use", func() {
		inForce(a)
		inForce(b)
		change(p, func(p *v1alpha1.ConsentPolicy) { p.Spec.Mode = v1alpha1.ModeObserve })
		shows("0/2", metav1.ConditionFalse, v1alpha1.ReasonSidecarsBehind)
		inForce(a)
		shows("1/2", metav1.ConditionFalse, v1alpha1.ReasonSidecarsBehind)
		Expect(w.config().Status.OldestGeneration).To(BeEquivalentTo(1))
	})

	It("takes no acknowledgement of another bundle with the same generation", func() {
		w.acknowledge(a, w.config().Spec.Generation, "0000")
		shows("0/2", metav1.ConditionFalse, v1alpha1.ReasonSidecarsBehind)
	})

	It("counts no pod that has ended, whatever it acknowledged", func() {
		inForce(a)
		inForce(b)
		phase(b, corev1.PodSucceeded)
		shows("1/1", metav1.ConditionTrue, v1alpha1.ReasonProgrammed)
	})

	It("counts no session of a pod that is gone", func() {
		inForce(a)
		w.acknowledge(b, 1, "0000")
		change(p, func(p *v1alpha1.ConsentPolicy) { p.Spec.Mode = v1alpha1.ModeObserve })
		w.reconcile()
		inForce(a)
		Expect(k8s.Delete(ctx, b, forceDelete)).To(Succeed())
		shows("1/1", metav1.ConditionTrue, v1alpha1.ReasonProgrammed)
		Expect(w.config().Status.OldestGeneration).To(BeEquivalentTo(2), "the oldest generation of a sidecar that runs")
	})

	It("names the oldest bundle in use while another sidecar has none yet", func() {
		DeferCleanup(w.sessions.Open(string(a.UID), caller(a), 0, "1"))
		DeferCleanup(w.sessions.Open(string(b.UID), caller(b), 3, "1"))
		third := w.running("mailer", "c")
		DeferCleanup(w.sessions.Open(string(third.UID), caller(third), 2, "1"))
		w.reconcile()
		Expect(w.config().Status.OldestGeneration).To(BeEquivalentTo(2))
	})

	It("says why a sidecar refused the newest bundle", func() {
		c := w.config()
		inForce(a)
		w.refuse(b, c.Spec.Generation, c.Spec.Hash, "schema 9 is not known")
		shows("1/2", metav1.ConditionFalse, v1alpha1.ReasonSidecarRefused)
		Expect(fresh(p).Status.Conditions).To(haveCondition("Programmed", metav1.ConditionFalse, v1alpha1.ReasonSidecarRefused, "schema 9"))
	})

	It("forgets a refusal with the bundle that was refused", func() {
		c := w.config()
		w.refuse(b, c.Spec.Generation, c.Spec.Hash, "schema 9 is not known")
		change(p, func(p *v1alpha1.ConsentPolicy) { p.Spec.Mode = v1alpha1.ModeObserve })
		shows("0/2", metav1.ConditionFalse, v1alpha1.ReasonSidecarsBehind)
	})

	It("is no problem where none runs", func() {
		Expect(k8s.Delete(ctx, a, forceDelete)).To(Succeed())
		Expect(k8s.Delete(ctx, b, forceDelete)).To(Succeed())
		shows("0/0", metav1.ConditionTrue, v1alpha1.ReasonNoSidecars)
	})

	It("writes nothing while nothing changes", func() {
		inForce(a)
		w.reconcile()
		before := w.config().ResourceVersion + "/" + fresh(p).ResourceVersion + "/" + fresh(w.newsletter()).ResourceVersion
		for range 3 {
			w.reconcile()
		}
		Expect(w.config().ResourceVersion + "/" + fresh(p).ResourceVersion + "/" + fresh(w.newsletter()).ResourceVersion).To(Equal(before))
	})
})
