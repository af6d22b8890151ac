package controllers

import (
	"bytes"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/testkit"
)

var _ = Describe("The trust in our authority", func() {
	var (
		w          *world
		r          *Trust
		clock      *testkit.Clock
		old, fresh *authority
	)
	BeforeEach(func() {
		w = newWorld("enforce")
		clock = testkit.NewClock(time.Now())
		r = &Trust{Client: k8s, Namespace: system, Webhooks: "optup", Now: clock.Now}
		old, fresh = newAuthority("old", clock.Now().Add(24*time.Hour)), newAuthority("new", clock.Now().Add(365*24*time.Hour))
		create(webhooks()...)
		forget := func() {
			for _, ns := range []string{system, marketing, consent, esp} {
				_ = k8s.Delete(ctx, trusted(ns))
			}
		}
		forget() // other specs have this controller write, too
		DeferCleanup(forget)
	})
	reconciled := func() {
		GinkgoHelper()
		_, err := r.Reconcile(ctx, reconcile.Request{})
		Expect(err).NotTo(HaveOccurred())
	}
	// signs makes an authority the present one.
	signs := func(a *authority) {
		GinkgoHelper()
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: CASecret}}
		if err := k8s.Get(ctx, keyOf(s), s); err != nil {
			create(s)
		}
		change(s, func(s *corev1.Secret) { s.Data = map[string][]byte{corev1.TLSCertKey: a.roots} })
		reconciled()
	}
	roots := func(namespace string) string {
		GinkgoHelper()
		m := trusted(namespace)
		Expect(k8s.Get(ctx, keyOf(m), m)).To(Succeed())
		return m.Data[inject.TrustKey]
	}
	none := func(namespace string) {
		GinkgoHelper()
		m := trusted(namespace)
		Expect(k8s.Get(ctx, keyOf(m), m)).To(MatchError(ContainSubstring("not found")))
	}

	It("is in governed namespaces and in our own, and nowhere else", func() {
		signs(old)
		Expect(roots(marketing)).To(BeEquivalentTo(old.roots))
		Expect(roots(system)).To(BeEquivalentTo(old.roots))
		none(esp)
		none(consent)
	})

	It("comes to the namespaces of ledgers", func() {
		create(w.ledger("main"))
		signs(old)
		Expect(roots(consent)).To(BeEquivalentTo(old.roots))
	})

	It("comes with a mistyped mode label too", func() {
		label(esp, "obsrve")
		DeferCleanup(func() { label(esp, "") })
		signs(old)
		Expect(roots(esp)).To(BeEquivalentTo(old.roots))
	})

	It("holds the old and the new authority while both are valid, everywhere", func() {
		signs(old)
		signs(fresh)
		both := string(bytes.Join([][]byte{fresh.roots, old.roots}, nil))
		Expect(roots(marketing)).To(Equal(both))
		Expect(roots(system)).To(Equal(both))
		for _, bundle := range bundlesOfWebhooks() {
			Expect(string(bundle)).To(Equal(both))
		}
		clock.Advance(25 * time.Hour)
		reconciled()
		Expect(roots(marketing)).To(BeEquivalentTo(fresh.roots), "the old one has expired")
		for _, bundle := range bundlesOfWebhooks() {
			Expect(bundle).To(Equal(fresh.roots))
		}
	})

	It("is put right when somebody changes it", func() {
		signs(old)
		foreign := newAuthority("foreign", clock.Now().Add(time.Hour))
		change(trusted(marketing), func(m *corev1.ConfigMap) { m.Data[inject.TrustKey] = string(foreign.roots) })
		reconciled()
		Expect(roots(marketing)).To(BeEquivalentTo(old.roots))
		Expect(k8s.Delete(ctx, trusted(marketing))).To(Succeed())
		reconciled()
		Expect(roots(marketing)).To(BeEquivalentTo(old.roots))
	})

	It("waits for an authority and spoils nothing before", func() {
		reconciled()
		none(marketing)
		for _, bundle := range bundlesOfWebhooks() {
			Expect(bundle).To(BeEmpty())
		}
	})

	It("does without webhooks that are not installed", func() {
		for _, o := range webhooks() {
			Expect(k8s.Delete(ctx, o)).To(Succeed())
		}
		signs(old)
		Expect(roots(marketing)).To(BeEquivalentTo(old.roots))
	})

	It("writes nothing while nothing changes", func() {
		signs(old)
		versions := func() []string {
			var out []string
			for _, o := range webhooks() {
				Expect(k8s.Get(ctx, keyOf(o), o)).To(Succeed())
				out = append(out, o.GetResourceVersion())
			}
			m := trusted(marketing)
			Expect(k8s.Get(ctx, keyOf(m), m)).To(Succeed())
			return append(out, m.ResourceVersion)
		}
		before := versions()
		reconciled()
		Expect(versions()).To(Equal(before))
	})
})

func trusted(namespace string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: inject.TrustConfigMap}}
}

// bundlesOfWebhooks gives whom the API server trusts to be our webhooks.
func bundlesOfWebhooks() [][]byte {
	GinkgoHelper()
	var out [][]byte
	m := fresh(&admissionv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "optup"}})
	for _, x := range m.Webhooks {
		out = append(out, x.ClientConfig.CABundle)
	}
	v := fresh(&admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "optup"}})
	for _, x := range v.Webhooks {
		out = append(out, x.ClientConfig.CABundle)
	}
	Expect(out).To(HaveLen(2))
	return out
}
