package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/distribute/server"
	"github.com/optup/optup/internal/identity"
)

var _ = Describe("The directory", func() {
	var (
		w *world
		d *Directory
	)
	BeforeEach(func() {
		w, d = newWorld("enforce"), &Directory{Reader: k8s}
	})
	unknown := func(who identity.Identity) {
		GinkgoHelper()
		_, err := d.Caller(ctx, who)
		Expect(err).To(MatchError(server.ErrUnknownPod))
	}

	It("knows a pod with a sidecar by what controls it", func() {
		w.mailer()
		pod := w.running("mailer", "a")
		w.reconcile()
		c, err := d.Caller(ctx, who(pod))
		Expect(err).NotTo(HaveOccurred())
		Expect(c).To(Equal(server.Caller{Namespace: marketing, Config: w.config().Name, Workload: "Deployment/mailer"}))
	})

	It("gives what was published for it, and nothing for others", func() {
		w.mailer()
		w.reconcile()
		config := w.config()
		p, ok := d.Published(ctx, marketing, config.Name)
		Expect(ok).To(BeTrue())
		Expect(p).To(Equal(server.Published{Generation: 1, Hash: config.Spec.Hash, Bundle: []byte(config.Spec.Bundle)}))
		_, ok = d.Published(ctx, marketing, "another")
		Expect(ok).To(BeFalse())
		_, ok = d.Published(ctx, esp, config.Name)
		Expect(ok).To(BeFalse())
	})

	It("tells workloads apart by the labels that selectors use", func() {
		p := w.policy("eu", "")
		p.Spec.TargetRefs, p.Spec.Selector = nil, &v1alpha1.LabelSelector{MatchLabels: map[string]string{"region": "eu"}}
		create(p)
		eu, us := w.pod("mailer", "a"), w.pod("mailer", "b")
		eu.Labels["region"], us.Labels["region"] = "eu", "us"
		Expect(caller(w.runs(eu)).Config).NotTo(Equal(caller(w.runs(us)).Config))
	})

	It("refuses the token of a pod that was replaced by one of the same name", func() {
		token := who(w.running("mailer", "a"))
		token.PodUID = "00000000-0000-0000-0000-000000000000"
		unknown(token)
	})

	It("refuses a token of another service account", func() {
		token := who(w.running("mailer", "a"))
		token.ServiceAccount = "campaign"
		unknown(token)
	})

	It("refuses a token of a pod elsewhere", func() {
		token := who(w.running("mailer", "a"))
		token.Namespace = esp
		unknown(token)
	})

	DescribeTable("refuses a pod that has finished", func(ended corev1.PodPhase) {
		pod := w.running("mailer", "a")
		phase(pod, ended)
		unknown(who(pod))
	}, Entry("well", corev1.PodSucceeded), Entry("badly", corev1.PodFailed))

	It("refuses a pod that is not there", func() {
		unknown(who(w.pod("mailer", "a")))
	})

	It("refuses a pod without a sidecar", func() {
		pod := w.pod("mailer", "a")
		create(pod)
		unknown(who(pod))
	})

	Context("and pods of ledgers", func() {
		// ledgerPod is a pod as the StatefulSet of a ledger makes it.
		ledgerPod := func(account, labelled string) *corev1.Pod {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: "main-ledger-0", Labels: map[string]string{LabelLedger: labelled}},
				Spec:       corev1.PodSpec{ServiceAccountName: account, Containers: []corev1.Container{{Name: "ledger", Image: "ledger"}}},
			}
			create(pod)
			return pod
		}

		It("finds the pod of a ledger", func() {
			create(w.ledger("main"))
			c, err := d.Caller(ctx, who(ledgerPod("main-ledger", "main")))
			Expect(err).NotTo(HaveOccurred())
			Expect(c).To(Equal(server.Caller{Namespace: consent, Config: "ledger-main", Workload: "ConsentLedger/main", Ledger: true}))
		})

		It("refuses one whose ledger is not there", func() { unknown(who(ledgerPod("main-ledger", "main"))) })

		It("refuses one under another service account, whatever its labels", func() {
			create(w.ledger("main"))
			unknown(who(ledgerPod("default", "main")))
		})

		It("refuses one with the labels of another ledger", func() {
			create(w.ledger("main"), w.ledger("other"))
			unknown(who(ledgerPod("main-ledger", "other")))
		})
	})

	It("tells subscribers of changes to their SidecarConfig alone, until they stop", func() {
		mine, stop := d.Changes(marketing, "mine")
		other, stopOther := d.Changes(marketing, "other")
		defer stopOther()
		d.changed(&v1alpha1.SidecarConfig{ObjectMeta: metav1.ObjectMeta{Namespace: marketing, Name: "mine"}})
		d.changed(&v1alpha1.SidecarConfig{ObjectMeta: metav1.ObjectMeta{Namespace: marketing, Name: "mine"}})
		Expect(mine).To(Receive(), "one stands for all")
		Expect(mine).NotTo(Receive())
		Expect(other).NotTo(Receive())
		stop()
		d.changed(&v1alpha1.SidecarConfig{ObjectMeta: metav1.ObjectMeta{Namespace: marketing, Name: "mine"}})
		Expect(mine).NotTo(Receive())
		Expect(d.subs).To(HaveLen(1))
	})
})
