package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
)

func (w *world) wording(name string) *v1alpha1.ConsentNotice {
	return &v1alpha1.ConsentNotice{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.ConsentNoticeSpec{
			Controller: shop, Series: "newsletter", Version: 1, Texts: []v1alpha1.NoticeText{{Language: "en", Text: "I agree."}, {Language: "de", Text: "Ja, natürlich."}},
			Covers: v1alpha1.NoticeCoverage{
				Purposes: []v1alpha1.ObjectName{"newsletter"}, Processing: []v1alpha1.Processing{v1alpha1.ProcessingSend}, Channels: []v1alpha1.Channel{v1alpha1.ChannelEmail},
			},
		},
	}
}

func (w *world) form() *v1alpha1.Touchpoint {
	return &v1alpha1.Touchpoint{
		ObjectMeta: metav1.ObjectMeta{Namespace: marketing, Name: "form"},
		Spec: v1alpha1.TouchpointSpec{
			Place: v1alpha1.PlaceWebForm, Controller: shop, OptIn: []v1alpha1.ObjectName{"newsletter-v1"},
			Confirmation: &v1alpha1.Confirmation{Proof: v1alpha1.ProofMailboxConfirmed},
		},
	}
}

var _ = Describe("A Touchpoint", func() {
	var (
		w *world
		t *v1alpha1.Touchpoint
	)
	BeforeEach(func() {
		w = newWorld("enforce")
		t = w.form()
	})
	shows := func(status metav1.ConditionStatus, reason, message string) {
		GinkgoHelper()
		w.reconcile()
		Expect(fresh(t).Status.Conditions).To(haveCondition("Accepted", status, reason, message))
		Expect(t.Status.Conditions).To(haveCondition("Ready", status, map[metav1.ConditionStatus]string{
			metav1.ConditionTrue: v1alpha1.ReasonReady, metav1.ConditionFalse: v1alpha1.ReasonNotAccepted,
		}[status], ""))
		Expect(t.Status.ObservedGeneration).To(Equal(t.Generation))
	}

	It("names the wording that is absent, and heals when it appears", func() {
		create(w.ledger("main"), w.newsletter(), t)
		shows(metav1.ConditionFalse, v1alpha1.ReasonNoticeNotFound, `spec.optIn[0]: ConsentNotice "newsletter-v1" does not exist`)
		create(w.wording("newsletter-v1"))
		shows(metav1.ConditionTrue, v1alpha1.ReasonAccepted, "Everything")
	})

	It("says that a purpose does not accept its proof", func() {
		p := w.newsletter()
		p.Spec.Proof = []v1alpha1.Proof{v1alpha1.ProofSigned}
		create(w.ledger("main"), p, w.wording("newsletter-v1"), t)
		shows(metav1.ConditionFalse, v1alpha1.ReasonProofNotAccepted, "spec.confirmation.proof")
	})

	It("lets a purpose know that nobody is asked for it", func() {
		other := w.newsletter()
		other.Name = "magazine"
		n := w.wording("magazine-v1")
		n.Spec.Series, n.Spec.Covers.Purposes = "magazine", []v1alpha1.ObjectName{"magazine"}
		create(w.ledger("main"), w.newsletter(), other, w.wording("newsletter-v1"), n, t)
		shows(metav1.ConditionTrue, v1alpha1.ReasonAccepted, "Everything")
		Expect(fresh(other).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionTrue, v1alpha1.ReasonAccepted, "Accepted. Warnings: spec.legalGrounds[0]: No Touchpoint"))
		Expect(other.Status.Conditions).To(haveCondition("Ready", metav1.ConditionTrue, v1alpha1.ReasonReady, ""))
	})
})

var _ = Describe("The status of a ConsentNotice", func() {
	It("tells the hash of each text, as evidence names it", func() {
		w := newWorld("enforce")
		n := w.wording("newsletter-v1")
		create(n)
		w.reconcile()
		Expect(fresh(n).Status.Texts).To(ConsistOf(
			v1alpha1.NoticeTextHash{Language: "en", SHA256: "826ff0dab649a97ffdd7779a332accafb35cc161012253a19383db19289d6e02"},
			v1alpha1.NoticeTextHash{Language: "de", SHA256: "a075b28bc7776b2cb760a54f51687255aab88bbf1a2728f5dbab86362480ef33"},
		))
	})
})
