package controllers

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/distribute/server"
	"github.com/optup/optup/internal/inject"
)

// Other specs call reconcilers by hand; here they find out by themselves, from their watches and a cache.
var _ = Describe("A running manager", Ordered, func() {
	var (
		w *world
		d *Directory
		p *v1alpha1.ConsentPolicy
	)
	BeforeAll(func() {
		run, stop := context.WithCancel(ctx)
		skip := true
		mgr, err := ctrl.NewManager(cluster, manager.Options{
			Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}, Controller: config.Controller{SkipNameValidation: &skip},
		})
		Expect(err).NotTo(HaveOccurred())
		w = newWorld("enforce")
		changed := make(chan event.GenericEvent, 1)
		w.sessions = server.NewSessions(time.Now, func(string, string) {
			select {
			case changed <- event.GenericEvent{Object: &v1alpha1.SidecarConfig{}}:
			default:
			}
		})
		l := newLedgers()
		l.reconciler.Client = mgr.GetClient()
		Expect((&Bundles{Client: mgr.GetClient(), Sessions: w.sessions, Changed: changed}).SetupWithManager(mgr)).To(Succeed())
		Expect(l.reconciler.SetupWithManager(mgr)).To(Succeed())
		Expect((&Trust{Client: mgr.GetClient(), Namespace: system, Webhooks: "optup", Now: time.Now}).SetupWithManager(mgr)).To(Succeed())
		d = &Directory{Reader: mgr.GetClient()}
		Expect(d.Watch(run, mgr.GetCache())).To(Succeed())
		done := make(chan error)
		go func() { done <- mgr.Start(run) }()
		DeferCleanup(func() {
			stop()
			Eventually(done).WithTimeout(30 * time.Second).Should(Receive(BeNil()))
			for _, ns := range []string{system, marketing, consent} {
				_ = k8s.Delete(ctx, trusted(ns))
			}
		})
		p = w.mailer()
	})

	It("publishes when a policy appears", func() {
		Eventually(func(g Gomega) {
			g.Expect(k8s.Get(ctx, keyOf(p), p)).To(Succeed())
			g.Expect(p.Status.Conditions).To(haveCondition("Ready", metav1.ConditionTrue, v1alpha1.ReasonReady, ""))
		}).Should(Succeed())
	})

	It("counts a pod when it appears, and when it acknowledges", func() {
		pod := w.running("mailer", "a")
		shows := func(ready string) {
			GinkgoHelper()
			Eventually(func() string { return w.config().Status.Ready }).Should(Equal(ready))
		}
		shows("0/1")
		c := w.config()
		w.acknowledge(pod, c.Spec.Generation, c.Spec.Hash)
		shows("1/1")
		phase(fresh(pod), corev1.PodFailed)
		shows("0/0")
	})

	It("publishes and tells subscribers when a purpose changes", func() {
		before, name := w.config().Spec.Generation, w.config().Name
		seen, stop := d.Changes(marketing, name)
		defer stop()
		change(w.newsletter(), func(p *v1alpha1.DataPurpose) { p.Spec.ValidForDays = 90 })
		Eventually(func() int64 { return w.config().Spec.Generation }).Should(Equal(before + 1))
		Eventually(seen).Should(Receive())
		Eventually(func() int64 { p, _ := d.Published(ctx, marketing, name); return p.Generation }).Should(Equal(before + 1))
	})

	It("looks at a touchpoint when it appears, and at an exemption", func() {
		t := w.form()
		create(t)
		Eventually(func() []metav1.Condition { return fresh(t).Status.Conditions }).Should(haveCondition("Accepted", metav1.ConditionFalse, v1alpha1.ReasonNoticeNotFound, ""))
		create(w.wording("newsletter-v1"))
		Eventually(func() []metav1.Condition { return fresh(t).Status.Conditions }).Should(haveCondition("Accepted", metav1.ConditionTrue, v1alpha1.ReasonAccepted, ""))
		x := exemption()
		create(x)
		Eventually(func() []metav1.Condition { return fresh(x).Status.Conditions }).Should(haveCondition("Accepted", metav1.ConditionFalse, v1alpha1.ReasonNotGranted, ""))
	})

	It("follows the mode of the namespace", func() {
		label(marketing, "observe")
		Eventually(func() v1alpha1.Mode { return fresh(p).Status.Mode }).Should(Equal(v1alpha1.ModeObserve))
	})

	It("makes a SidecarConfig anew that somebody deleted, above what runs", func() {
		before := w.config().Spec.Generation
		other := w.running("mailer", "b")
		w.acknowledge(other, before+10, "0000")
		Expect(k8s.Delete(ctx, w.config())).To(Succeed())
		Eventually(func() int64 {
			if all := w.configs(); len(all) == 1 {
				return all[0].Spec.Generation
			}
			return 0
		}).Should(Equal(before + 11))
	})

	It("runs the ledger, and mends what somebody deletes", func() {
		s := secret("main-ledger-tls")
		Eventually(func() error { return k8s.Get(ctx, keyOf(s), s) }).Should(Succeed())
		Expect(k8s.Delete(ctx, s)).To(Succeed())
		Eventually(func() error { return k8s.Get(ctx, keyOf(s), s) }).Should(Succeed())
	})

	It("hands roots to a namespace that comes under governance", func() {
		a := newAuthority("ours", time.Now().Add(time.Hour))
		create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: CASecret}, Data: map[string][]byte{corev1.TLSCertKey: a.roots}})
		label(esp, "enforce")
		DeferCleanup(func() { label(esp, ""); _ = k8s.Delete(ctx, trusted(esp)) })
		m := trusted(esp)
		Eventually(func() error { return k8s.Get(ctx, keyOf(m), m) }).Should(Succeed())
		Expect(m.Data[inject.TrustKey]).To(BeEquivalentTo(a.roots))
	})
})
