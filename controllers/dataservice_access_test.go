package controllers

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"google.golang.org/protobuf/types/known/timestamppb"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/distribute/configv1"
	"github.com/optup/optup/internal/distribute/server"
	plain "github.com/optup/optup/internal/policy"
)

var _ = Describe("Access to a DataService", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld("enforce")
		DeferCleanup(func() {
			Expect(k8s.DeleteAllOf(ctx, &networkingv1.NetworkPolicy{}, client.InNamespace(esp))).To(Succeed())
		})
	})
	policy := func() *networkingv1.NetworkPolicy {
		return &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: esp, Name: "optup-access-mail"}}
	}
	closed := func() *v1alpha1.DataService {
		d := w.mail()
		d.Spec.Access = v1alpha1.AccessGovernedOnly
		d.Spec.AllowedNamespaces.Selector = &v1alpha1.LabelSelector{MatchLabels: map[string]string{"team": "marketing"}}
		d.Spec.Workloads = &v1alpha1.ServiceWorkloads{
			Selector: &v1alpha1.LabelSelector{MatchLabels: map[string]string{"app": "mail"}}, Ports: []v1alpha1.WorkloadPort{{Port: 80, TargetPort: 8080}},
		}
		return d
	}

	It("stays as it is unless somebody closes it", func() {
		d := w.mail()
		create(d)
		w.reconcile()
		Expect(apierrors.IsNotFound(k8s.Get(ctx, keyOf(policy()), policy()))).To(BeTrue())
		Expect(meta.FindStatusCondition(fresh(d).Status.Conditions, v1alpha1.ConditionAccessClosed)).To(BeNil())
	})

	It("is closed to all but governed workloads that may refer to it, and ledgers", func() {
		d := closed()
		create(w.ledger("main"), d)
		w.reconcile()
		p := fresh(policy())
		Expect(p.OwnerReferences).To(HaveLen(1))
		Expect(p.OwnerReferences[0].UID).To(Equal(d.UID), "it goes with the service")
		Expect(p.Spec.PodSelector.MatchLabels).To(Equal(map[string]string{"app": "mail"}))
		Expect(p.Spec.PolicyTypes).To(Equal([]networkingv1.PolicyType{networkingv1.PolicyTypeIngress}))
		Expect(p.Spec.Ingress).To(HaveLen(1), "nothing else is opened, whatever another NetworkPolicy leaves closed")
		Expect(p.Spec.Ingress[0].Ports).To(HaveLen(1))
		Expect(*p.Spec.Ingress[0].Ports[0].Port).To(Equal(intstr.FromInt32(8080)), "the port of the pods")
		from := p.Spec.Ingress[0].From
		Expect(from).To(HaveLen(3))
		governed := metav1.LabelSelectorRequirement{Key: v1alpha1.LabelMode, Operator: metav1.LabelSelectorOpExists}
		Expect(from[0].NamespaceSelector.MatchExpressions).To(ConsistOf(
			metav1.LabelSelectorRequirement{Key: "kubernetes.io/metadata.name", Operator: metav1.LabelSelectorOpIn, Values: []string{esp, marketing}}, governed))
		Expect(from[1].NamespaceSelector).To(Equal(&metav1.LabelSelector{
			MatchLabels: map[string]string{"team": "marketing"}, MatchExpressions: []metav1.LabelSelectorRequirement{governed},
		}))
		Expect(from[2].NamespaceSelector.MatchExpressions[0].Values).To(Equal([]string{consent}))
		Expect(from[2].PodSelector.MatchExpressions[0].Key).To(Equal(LabelLedger), "pods of ledgers, and no others of their namespace")
		Expect(fresh(d).Status.Conditions).To(haveCondition(v1alpha1.ConditionAccessClosed, metav1.ConditionTrue, v1alpha1.ReasonNetworkPolicyWritten, "reach its pods on 8080"))

		version := p.ResourceVersion
		w.reconcile()
		Expect(fresh(policy()).ResourceVersion).To(Equal(version), "nothing changed, so nothing is written")
	})

	It("is put right when somebody widens it, and comes back when somebody takes it away", func() {
		create(closed())
		w.reconcile()
		change(policy(), func(p *networkingv1.NetworkPolicy) {
			p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{})
		})
		w.reconcile()
		Expect(fresh(policy()).Spec.Ingress).To(HaveLen(1))
		Expect(k8s.Delete(ctx, policy())).To(Succeed())
		w.reconcile()
		Expect(fresh(policy()).Spec.Ingress).To(HaveLen(1))
	})

	It("is open again without a trace", func() {
		d := closed()
		create(d)
		w.reconcile()
		own := policy()
		own.Name = "somebody-elses"
		own.Spec.PodSelector.MatchLabels = map[string]string{"app": "mail"}
		create(own)
		change(d, func(d *v1alpha1.DataService) { d.Spec.Access = v1alpha1.AccessOpen })
		w.reconcile()
		Expect(apierrors.IsNotFound(k8s.Get(ctx, keyOf(policy()), policy()))).To(BeTrue())
		Expect(meta.FindStatusCondition(fresh(d).Status.Conditions, v1alpha1.ConditionAccessClosed)).To(BeNil())
		fresh(own)
	})

	It("is shown before anybody closes it: who called, and whom closing would shut out", func() {
		label(esp, "enforce")
		DeferCleanup(func() {
			label(esp, "")
			Expect(k8s.DeleteAllOf(ctx, &v1alpha1.SidecarConfig{}, client.InNamespace(esp))).To(Succeed())
		})
		d := w.mail()
		d.Spec.Workloads = &v1alpha1.ServiceWorkloads{TargetRefs: []v1alpha1.WorkloadRef{{Kind: "Deployment", Name: "mail"}}}
		other := w.mail()
		other.Namespace, other.Name, other.Spec.Hosts = consent, "other", []v1alpha1.Host{"other.example"}
		create(w.ledger("main"), w.newsletter(), d, other, w.policy("mailer", "mailer"))
		bare := bareIn(consent, "cron", "10.1.2.3")
		w.reconcile()
		caller := plain.Workload{Namespace: marketing, Kind: "Deployment", Name: "mailer"}
		own := plain.Workload{Namespace: esp, Kind: "Deployment", Name: "mail"}
		at := timestamppb.New(time.Date(2026, 3, 1, 12, 34, 56, 0, time.UTC))
		seen := func(c ...*configv1.ObservedCaller) {
			w.sessions.Acknowledge("mail-0", server.Caller{Namespace: esp, Config: own.Config(), Workload: own.ID()}, &configv1.AcknowledgeRequest{Callers: c})
			w.reconcile()
		}
		seen(
			&configv1.ObservedCaller{Service: "esp/mail", Namespace: marketing, Workload: caller.Config(), Proof: "Certificate", Seen: at},
			&configv1.ObservedCaller{Service: "esp/mail", Namespace: marketing, Workload: caller.Config(), Proof: "Certificate", Seen: at},
			&configv1.ObservedCaller{Service: "esp/mail", Proof: "None", Address: "10.1.2.3", Seen: at},
			&configv1.ObservedCaller{Service: "esp/mail", Proof: "None", Address: "192.0.2.7", Seen: at},
			&configv1.ObservedCaller{Service: "consent/other", Proof: "None", Address: "192.0.2.7", Seen: at},
		)
		hour := metav1.NewTime(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
		shutOut := []v1alpha1.ServiceCaller{
			{Proof: "None", GovernedOnly: v1alpha1.CallerShutOut},
			{Namespace: consent, Workload: "Pod/" + bare.Name, Proof: "None", GovernedOnly: v1alpha1.CallerShutOut},
			{Namespace: marketing, Workload: "Deployment/mailer", Proof: "Certificate", GovernedOnly: v1alpha1.CallerLetIn},
		}
		got := fresh(d).Status.Callers
		Expect(got).To(HaveLen(len(shutOut)))
		for i := range got {
			Expect(got[i].LastSeen.UTC()).To(Equal(hour.Time))
			got[i].LastSeen = metav1.Time{}
		}
		Expect(got).To(Equal(shutOut))
		Expect(fresh(other).Status.Callers).To(BeEmpty(), "a sidecar speaks of its own services only")

		seen(&configv1.ObservedCaller{Service: "esp/mail", Namespace: marketing, Workload: caller.Config(), Proof: "Certificate", Seen: timestamppb.New(at.AsTime().Add(time.Minute))})
		Expect(fresh(d).Status.Callers).To(HaveLen(1))
		version := d.ResourceVersion
		seen(&configv1.ObservedCaller{Service: "esp/mail", Namespace: marketing, Workload: caller.Config(), Proof: "Certificate", Seen: timestamppb.New(at.AsTime().Add(2 * time.Minute))})
		Expect(fresh(d).ResourceVersion).To(Equal(version), "a status is not written for every request")
	})
})

// bareIn makes a pod without a sidecar that has an address.
func bareIn(namespace, name, ip string) *corev1.Pod {
	GinkgoHelper()
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
	}
	create(p)
	p.Status.Phase, p.Status.PodIP, p.Status.PodIPs = corev1.PodRunning, ip, []corev1.PodIP{{IP: ip}}
	Expect(k8s.Status().Update(ctx, p)).To(Succeed())
	return p
}
