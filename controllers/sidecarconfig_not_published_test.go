package controllers

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/ir"
)

var _ = Describe("A bundle that cannot be published", func() {
	var w *world
	BeforeEach(func() { w = newWorld("enforce") })

	It("is told where it was wanted, and holds up no other", func() {
		p := w.policy("mailer", "mailer")
		p.Spec.TargetRefs = nil // every pod of the namespace
		create(w.ledger("main"), w.newsletter(), w.mail(), p)
		odd := w.pod("odd", "a")
		odd.OwnerReferences[0].Kind = "oddKind" // no kind that a SidecarConfig takes
		w.runs(odd)
		good := w.running("mailer", "a")

		_, err := w.bundles.Reconcile(ctx, one)
		Expect(err).To(MatchError(ContainSubstring("spec.workload.kind")), "it is tried again")
		c := w.config()
		Expect(c.Spec.Workload.String()).To(Equal("Deployment/mailer"))
		w.acknowledge(good, c.Spec.Generation, c.Spec.Hash)
		_, err = w.bundles.Reconcile(ctx, one)
		Expect(err).To(HaveOccurred())
		Expect(w.config().Status.Ready).To(Equal("1/1"))
		Expect(fresh(p).Status.Conditions).To(haveCondition("Programmed", metav1.ConditionFalse, v1alpha1.ReasonNotPublished, "spec.workload.kind"))
		Expect(p.Status.Conditions).To(haveCondition("Ready", metav1.ConditionTrue, v1alpha1.ReasonReady, ""))
	})

	It("denies everything where it is too large, and says so", func() {
		p := w.mailer()
		change(p, func(p *v1alpha1.ConsentPolicy) {
			for i := range 16 {
				c := v1alpha1.Condition{Source: v1alpha1.SourceHeader, Name: "X-Campaign"}
				for j := range 64 {
					c.In = append(c.In, fmt.Sprintf("%0256d", 64*i+j))
				}
				p.Spec.Rules[0].When = append(p.Spec.Rules[0].When, c)
			}
		})
		w.reconcile()
		c := w.config()
		Expect(c.Status.Conditions).To(haveCondition("Ready", metav1.ConditionFalse, v1alpha1.ReasonBundleTooLarge, "Split the policies"))
		b, err := ir.Decode([]byte(c.Spec.Bundle))
		Expect(err).NotTo(HaveOccurred())
		Expect(b.Rules).To(BeEmpty())
		Expect(b.Services).NotTo(BeEmpty(), "hosts stay governed")

		change(p, func(p *v1alpha1.ConsentPolicy) { p.Spec.Rules[0].When = nil })
		w.reconcile()
		Expect(w.config().Status.Conditions).To(haveCondition("Ready", metav1.ConditionTrue, v1alpha1.ReasonReady, ""))
		Expect(w.config().Spec.Generation).To(BeEquivalentTo(c.Spec.Generation + 1))
	})

	It("is none because of the words of a ledger, however they are spelled", func() {
		n := w.wording("newsletter-v1")
		n.Spec.Texts = nil
		for i := range 22 {
			n.Spec.Texts = append(n.Spec.Texts, v1alpha1.NoticeText{Language: "de-" + fmt.Sprintf("%02d", i), Text: strings.Repeat(`"`, 16384)})
		}
		create(w.ledger("main"), w.newsletter(), n, w.form())
		w.reconcile()
		c := fresh(&v1alpha1.SidecarConfig{ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: "ledger-main"}})
		Expect(c.Status.Conditions).To(haveCondition("Ready", metav1.ConditionTrue, v1alpha1.ReasonReady, ""))
		b, err := ir.Decode([]byte(c.Spec.Bundle))
		Expect(err).NotTo(HaveOccurred())
		Expect(len(c.Spec.Bundle)).To(BeNumerically(">", 700<<10), "it is near the bound")
		Expect(b.Notices[0].Texts).To(HaveLen(22))
		Expect(b.Notices[0].Texts[21].Text).To(Equal(n.Spec.Texts[21].Text))
		Expect(b.Touchpoints[0].OptIn).To(ConsistOf(BeEquivalentTo("newsletter-v1")))
	})

	It("leaves a ledger with its last one, and says so", func() {
		create(w.ledger("main"), w.newsletter())
		w.reconcile()
		c := &v1alpha1.SidecarConfig{ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: "ledger-main"}}
		before := fresh(c).Spec
		for i := range 48 {
			n := &v1alpha1.ConsentNotice{
				ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("newsletter-v%d", i+1)},
				Spec: v1alpha1.ConsentNoticeSpec{
					Controller: shop, Series: "newsletter", Version: int32(i + 1), Texts: []v1alpha1.NoticeText{{Language: "en", Text: "I agree."}},
					Covers: v1alpha1.NoticeCoverage{Purposes: []v1alpha1.ObjectName{"newsletter"}, Processing: []v1alpha1.Processing{"send"}},
				},
			}
			for j := range 64 {
				n.Spec.Covers.Recipients = append(n.Spec.Covers.Recipients, fmt.Sprintf("%0256d", j))
			}
			create(n)
		}
		w.reconcile()
		Expect(fresh(c).Spec).To(Equal(before))
		Expect(c.Status.Conditions).To(haveCondition("Ready", metav1.ConditionFalse, v1alpha1.ReasonBundleTooLarge, "retire notices"))
	})
})
