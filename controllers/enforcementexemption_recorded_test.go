package controllers

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/ir"
)

func exemption() *v1alpha1.EnforcementExemption {
	start := metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second))
	return &v1alpha1.EnforcementExemption{
		ObjectMeta: metav1.ObjectMeta{Name: "rescue"},
		Spec: v1alpha1.EnforcementExemptionSpec{
			Namespace: v1alpha1.NamespaceName(marketing), TargetRefs: []v1alpha1.WorkloadRef{{Kind: "Deployment", Name: "mailer"}},
			Scope: v1alpha1.ExemptionEnforcement, NotBefore: start, NotAfter: metav1.NewTime(start.Add(24 * time.Hour)),
			Reason: "The provider changed its API at night.", ApprovedBy: "Head of security",
		},
	}
}

var _ = Describe("An EnforcementExemption", func() {
	It("is recorded, and everything stays enforced", func() {
		w := newWorld("enforce")
		w.mailer()
		x := exemption()
		create(x)
		w.reconcile()
		Expect(fresh(x).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionFalse, v1alpha1.ReasonNotGranted, "everything stays enforced"))
		Expect(x.Status.Conditions).To(haveCondition("Ready", metav1.ConditionFalse, v1alpha1.ReasonNotAccepted, ""))
		Expect(x.Status.ObservedGeneration).To(Equal(x.Generation))

		b, err := ir.Decode([]byte(w.config().Spec.Bundle))
		Expect(err).NotTo(HaveOccurred())
		Expect(b.Mode).To(Equal(ir.ModeEnforce))
		Expect(b.Rules[0].Mode).To(Equal(ir.ModeEnforce))
	})
})
