package controllers

import (
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/ir"
)

var _ = Describe("A second ConsentLedger of one controller", func() {
	var (
		w             *world
		r             *ledgers
		first, second *v1alpha1.ConsentLedger
	)
	BeforeEach(func() {
		w, r = newWorld("enforce"), newLedgers()
		// Creation times have seconds; within one the names decide.
		first, second = w.ledger("aa-first"), w.ledger("zz-second")
		create(first, second)
		r.reconcile(first)
		r.reconcile(second)
	})

	It("is refused and gets nothing", func() {
		Expect(fresh(first).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionTrue, v1alpha1.ReasonAccepted, ""))
		Expect(fresh(second).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionFalse, v1alpha1.ReasonControllerConflict, consent+"/aa-first"))
		Expect(second.Status.Conditions).To(haveCondition("Ready", metav1.ConditionFalse, v1alpha1.ReasonNotAccepted, ""))
		for _, o := range append(objects("zz-second"), secret("zz-second-ledger-keys")) {
			Expect(k8s.Get(ctx, keyOf(o), o)).To(MatchError(ContainSubstring("not found")))
		}
	})

	It("is nobody's ledger in bundles", func() {
		create(w.newsletter(), w.mail(), w.policy("mailer", "mailer"))
		w.reconcile()
		b, err := ir.Decode([]byte(w.config().Spec.Bundle))
		Expect(err).NotTo(HaveOccurred())
		Expect(b.Ledgers).To(Equal([]ir.Ledger{{Controller: shop, URL: "https://aa-first-ledger.consent.svc:8443"}}))
	})

	It("takes over when the first is deleted", func() {
		Expect(k8s.Delete(ctx, first)).To(Succeed())
		r.reconcile(second)
		Expect(fresh(second).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionTrue, v1alpha1.ReasonAccepted, ""))
		Expect(fresh(secret("zz-second-ledger-keys")).Data).To(HaveKey("root"))
	})

	It("is no problem for another controller", func() {
		other := w.ledger("other")
		other.Spec.Controller = "Somebody Else GmbH"
		create(other)
		r.reconcile(other)
		Expect(fresh(other).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionTrue, v1alpha1.ReasonAccepted, ""))
		Expect(k8s.Get(ctx, keyOf(secret("other-ledger-keys")), &corev1.Secret{})).To(Succeed())
	})
})

func TestConflicting(t *testing.T) {
	noon := metav1.NewTime(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))
	later := metav1.NewTime(noon.Add(time.Second))
	ledger := func(namespace, name, controller string, at metav1.Time) v1alpha1.ConsentLedger {
		l := v1alpha1.ConsentLedger{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, CreationTimestamp: at}}
		l.Spec.Controller = controller
		return l
	}
	it := ledger("consent", "m", shop, noon)
	for name, test := range map[string]struct {
		other v1alpha1.ConsentLedger
		want  string
	}{
		"one that was there before counts":                  {ledger("consent", "z", shop, metav1.NewTime(noon.Add(-time.Second))), "consent/z"},
		"one that came later does not":                      {ledger("consent", "a", shop, later), ""},
		"of two at once the first name counts":              {ledger("consent", "a", shop, noon), "consent/a"},
		"of two at once the other one waits":                {ledger("consent", "z", shop, noon), ""},
		"namespaces tell ledgers of one name apart":         {ledger("another", "m", shop, noon), "another/m"},
		"one of another controller is none of its business": {ledger("consent", "a", "Somebody Else GmbH", metav1.NewTime(noon.Add(-time.Hour))), ""},
		"a ledger does not stand in its own way":            {it, ""},
	} {
		t.Run(name, func(t *testing.T) {
			all := []v1alpha1.ConsentLedger{test.other, it}
			if got := conflicting(all, &it); got != test.want {
				t.Errorf("want %q, got %q", test.want, got)
			}
			if left := serving(all); test.other.Name != "m" && test.other.Spec.Controller == shop && len(left) != 1 {
				t.Errorf("one of two serves, got %d", len(left))
			}
		})
	}
}
