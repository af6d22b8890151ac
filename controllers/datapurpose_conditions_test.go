package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
)

var _ = Describe("What is wrong with what a DataPurpose says", func() {
	var (
		w *world
		d *v1alpha1.DataPurpose
	)
	BeforeEach(func() {
		w = newWorld("enforce")
		d = w.newsletter()
	})

	shows := func(status metav1.ConditionStatus, reason, message string) {
		GinkgoHelper()
		w.reconcile()
		Expect(fresh(d).Status.Conditions).To(haveCondition("Accepted", status, reason, message))
		Expect(d.Status.ObservedGeneration).To(Equal(d.Generation))
	}

	It("is nothing where all fits", func() {
		create(w.ledger("main"), d)
		shows(metav1.ConditionTrue, v1alpha1.ReasonAccepted, "")
	})

	It("is a controller without a ledger, until there is one", func() {
		create(d)
		shows(metav1.ConditionFalse, v1alpha1.ReasonLedgerNotFound, shop)
		create(w.ledger("main"))
		shows(metav1.ConditionTrue, v1alpha1.ReasonAccepted, "")
	})

	It("is a parent that is absent, until it appears", func() {
		d.Spec.Parent = "all-mail"
		create(w.ledger("main"), d)
		shows(metav1.ConditionFalse, v1alpha1.ReasonParentNotFound, `"all-mail"`)
		parent := w.newsletter()
		parent.Name = "all-mail"
		create(parent)
		shows(metav1.ConditionTrue, v1alpha1.ReasonAccepted, "")
	})

	It("is a ground that does not carry the channel", func() {
		d.Spec.LegalGrounds = []v1alpha1.LegalGround{v1alpha1.GroundLegitimateInterest}
		create(w.ledger("main"), d)
		shows(metav1.ConditionFalse, v1alpha1.ReasonNotLawful, "UWG")
	})
})

var _ = Describe("What is wrong with what a DataService says", func() {
	It("is a host that another one declares", func() {
		w := newWorld("enforce")
		first, second := w.mail(), w.mail()
		second.Name = "mail-again"
		create(first, second)
		w.reconcile()
		Expect(fresh(first).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionTrue, v1alpha1.ReasonAccepted, ""))
		Expect(fresh(second).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionFalse, v1alpha1.ReasonHostConflict, "esp/mail"))
		Expect(k8s.Delete(ctx, first)).To(Succeed())
		w.reconcile()
		Expect(fresh(second).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionTrue, v1alpha1.ReasonAccepted, ""))
	})
})

var _ = Describe("A ConsentNotice", func() {
	It("is accepted as it is", func() {
		w := newWorld("enforce")
		n := &v1alpha1.ConsentNotice{
			ObjectMeta: metav1.ObjectMeta{Name: "newsletter-v1"},
			Spec: v1alpha1.ConsentNoticeSpec{
				Controller: shop, Series: "newsletter", Version: 1, Texts: []v1alpha1.NoticeText{{Language: "en", Text: "I agree."}},
				Covers: v1alpha1.NoticeCoverage{Purposes: []v1alpha1.ObjectName{"newsletter"}, Processing: []v1alpha1.Processing{"send"}},
			},
		}
		create(w.ledger("main"), w.newsletter(), n)
		w.reconcile()
		Expect(fresh(n).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionTrue, v1alpha1.ReasonAccepted, ""))
		Expect(n.Status.ObservedGeneration).To(Equal(n.Generation))
	})
})
