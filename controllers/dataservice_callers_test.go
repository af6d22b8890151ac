package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"google.golang.org/protobuf/types/known/timestamppb"
	corev1 "k8s.io/api/core/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/distribute/configv1"
	"github.com/optup/optup/internal/distribute/server"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/workload"
)

// Nobody governs the namespace of the callers here, so none of them has a sidecar.
var _ = Describe("A caller without a sidecar", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld("enforce")
		purpose := w.newsletter()
		purpose.Spec.AllowedNamespaces.Names = append(purpose.Spec.AllowedNamespaces.Names, v1alpha1.NamespaceName(esp))
		own := w.mail()
		own.Namespace, own.Name = marketing, "register"
		own.Spec.AllowedNamespaces.Names = []v1alpha1.NamespaceName{v1alpha1.NamespaceName(esp)}
		own.Spec.Workloads = &v1alpha1.ServiceWorkloads{TargetRefs: []v1alpha1.WorkloadRef{{Kind: "Deployment", Name: "register"}}}
		use := w.policy("reports", "reports")
		use.Namespace = esp
		use.Spec.Rules[0].Service = v1alpha1.ServiceReference{Namespace: v1alpha1.NamespaceName(marketing), Name: "register"}
		create(w.ledger("main"), purpose, own, use)
	})
	// callers are those that the service's sidecars know once there is a pod that shows tokens for an audience.
	callers := func(audience string) []ir.Caller {
		GinkgoHelper()
		pod := w.pod("reports", "a")
		pod.Namespace = esp
		pod.Spec.Volumes = []corev1.Volume{{Name: "token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: audience, Path: "token"}},
		}}}}}
		create(pod)
		w.reconcile()
		c := w.config() // the only one: nothing is published for a workload without sidecars
		Expect(c.Spec.Workload.Name).To(Equal("register"))
		b, err := ir.Decode([]byte(c.Spec.Bundle))
		Expect(err).NotTo(HaveOccurred())
		Expect(b.Provides).To(HaveLen(1))
		return b.Provides[0].Callers
	}

	It("is known by the account of its token, and has the rules of its policies", func() {
		pod := w.pod("reports", "a")
		pod.Namespace = esp
		all := callers(identity.ProviderAudience)
		Expect(all).To(HaveLen(1))
		Expect(all[0]).To(And(HaveField("Namespace", esp), HaveField("Workload", workload.ConfigName(workload.Of(pod, nil))), HaveField("Accounts", []string{"default"}),
			HaveField("Mode", ir.ModeEnforce), HaveField("Rules", HaveLen(1)), HaveField("Blocked", BeEmpty())))

		// Its name is shown although nothing is published for it.
		c := w.config()
		w.sessions.Acknowledge("register-0", server.Caller{Namespace: marketing, Config: c.Name, Workload: c.Spec.Workload.String()}, &configv1.AcknowledgeRequest{Callers: []*configv1.ObservedCaller{
			{Service: marketing + "/register", Namespace: esp, Workload: all[0].Workload, Proof: "Token", Seen: timestamppb.Now()},
		}})
		w.reconcile()
		own := w.mail()
		own.Namespace, own.Name = marketing, "register"
		Expect(fresh(own).Status.Callers).To(ConsistOf(And(HaveField("Workload", "Deployment/reports"), HaveField("GovernedOnly", v1alpha1.CallerShutOut))))
	})

	It("is nobody with a token for somebody else", func() {
		Expect(callers("vault")).To(BeEmpty())
	})
})
