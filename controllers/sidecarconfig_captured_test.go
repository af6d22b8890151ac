package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
)

var _ = Describe("How pods are captured", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld("enforce")
		w.mailer()
		w.reconcile()
	})

	// made is a pod as the webhook makes it now.
	made := func(suffix string, change func(*corev1.Pod)) *corev1.Pod {
		GinkgoHelper()
		pod := w.pod("mailer", suffix)
		change(pod)
		place, err := (&Places{Reader: k8s, Live: k8s}).Of(ctx, pod)
		Expect(err).NotTo(HaveOccurred())
		injected, report := inject.Inject(pod, place, inject.Config{Image: "optup/sidecar:1", ManagerURL: "https://optup-manager.optup-system.svc:9443"})
		Expect(report.Refusals).To(BeEmpty())
		create(injected)
		phase(injected, corev1.PodRunning)
		return injected
	}
	confined := func(p *corev1.Pod) {
		p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}
	}
	captured := func(status metav1.ConditionStatus, reason string) *v1alpha1.SidecarConfigCapture {
		GinkgoHelper()
		w.reconcile()
		c := w.config()
		Expect(c.Status.Conditions).To(haveCondition("Captured", status, reason, ""))
		return c.Status.Capture
	}

	It("is not said while none runs", func() {
		Expect(w.config().Status.Capture).To(BeNil())
		Expect(w.config().Status.Conditions).NotTo(ContainElement(HaveField("Type", "Captured")))
	})

	It("holds whatever an application does that can have no capability", func() {
		made("a", confined)
		c := captured(metav1.ConditionTrue, v1alpha1.ReasonCaptured)
		Expect(c.Modes).To(Equal([]v1alpha1.CaptureMode{v1alpha1.CaptureRedirect}))
		Expect(c.NotCovered).To(BeEmpty())
	})

	It("says how an application that runs as root gets around, once for all pods", func() {
		made("a", func(*corev1.Pod) {})
		made("b", func(*corev1.Pod) {})
		c := captured(metav1.ConditionFalse, v1alpha1.ReasonCooperative)
		Expect(c.NotCovered).To(ConsistOf(ContainSubstring("NET_RAW")))
	})

	It("needs a restart once TLS ends in the sidecar, for applications that do not trust it yet", func() {
		old := made("a", confined)
		change(w.mail(), func(d *v1alpha1.DataService) {
			d.Spec.Hosts = []v1alpha1.Host{"api.esp.example"}
			d.Spec.Ports = []v1alpha1.ServicePort{{Port: 443, Protocol: v1alpha1.ProtocolHTTPS, TLS: &v1alpha1.PortTLS{Mode: v1alpha1.TLSIntercept}}}
		})
		c := captured(metav1.ConditionFalse, v1alpha1.ReasonRestartNeeded)
		Expect(c.RestartNeeded).To(ConsistOf(ContainSubstring("do not trust its certificates: api.esp.example")))
		Expect(k8s.Delete(ctx, old)).To(Succeed())
		pod := made("b", confined)
		Expect(pod.Spec.Containers[0].Env).To(ContainElement(HaveField("Name", "SSL_CERT_FILE")))
		Expect(captured(metav1.ConditionTrue, v1alpha1.ReasonCaptured).RestartNeeded).To(BeEmpty())
	})

	It("takes connections to the first pods of a service, and of a workload that something calls, before anything is published for them", func() {
		inbound := func(deployment string) bool {
			GinkgoHelper()
			place, err := (&Places{Reader: k8s, Live: k8s}).Of(ctx, w.pod(deployment, "a"))
			Expect(err).NotTo(HaveOccurred())
			return place.Inbound
		}
		own := w.mail()
		own.Namespace, own.Name = marketing, "register"
		own.Spec.Workloads = &v1alpha1.ServiceWorkloads{TargetRefs: []v1alpha1.WorkloadRef{{Kind: "Deployment", Name: "register"}}}
		called := w.policy("sync", "sync")
		called.Spec.Callbacks = []v1alpha1.CallbackRule{{Name: "events", Service: called.Spec.Rules[0].Service, Callback: "events", Port: 8080, Path: "/hooks"}}
		Expect(inbound("register")).To(BeFalse())
		Expect(inbound("sync")).To(BeFalse())
		create(own, called)
		Expect(inbound("register")).To(BeTrue())
		Expect(inbound("sync")).To(BeTrue())
		Expect(inbound("mailer")).To(BeFalse())
	})

	Describe("by Alias", func() {
		BeforeEach(func() {
			change(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: marketing}}, func(n *corev1.Namespace) { n.Labels[inject.CaptureLabel] = inject.CaptureAlias })
			DeferCleanup(func() {
				change(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: marketing}}, func(n *corev1.Namespace) { delete(n.Labels, inject.CaptureLabel) })
			})
		})

		It("leads the governed hosts of the namespace to the sidecar, and says what does not come", func() {
			pod := made("a", confined)
			Expect(inject.CapturedBy(&pod.Spec).Hosts).To(ConsistOf("api." + esp + ".svc"))
			c := captured(metav1.ConditionFalse, v1alpha1.ReasonCooperative)
			Expect(c.Modes).To(Equal([]v1alpha1.CaptureMode{v1alpha1.CaptureAlias}))
			Expect(c.NotCovered).To(ConsistOf(byAlias))
		})

		It("needs a restart for a host that is declared later", func() {
			pod := made("a", confined)
			change(w.mail(), func(d *v1alpha1.DataService) { d.Spec.Hosts = append(d.Spec.Hosts, "eu.esp.example") })
			c := captured(metav1.ConditionFalse, v1alpha1.ReasonRestartNeeded)
			Expect(c.RestartNeeded).To(ConsistOf(ContainSubstring("eu.esp.example")))
			Expect(k8s.Delete(ctx, pod)).To(Succeed())
			made("b", confined)
			Expect(captured(metav1.ConditionFalse, v1alpha1.ReasonCooperative).RestartNeeded).To(BeEmpty())
		})

		It("leaves out hosts that are not governed here", func() {
			change(w.mail(), func(d *v1alpha1.DataService) {
				d.Spec.Hosts, d.Spec.AllowedNamespaces = []v1alpha1.Host{"api.esp.example"}, nil
			})
			pod := made("a", confined)
			Expect(inject.CapturedBy(&pod.Spec).Hosts).To(BeEmpty())
		})
	})
})
