package controllers

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/ir"
)

var _ = Describe("A ConsentPolicy whose references dangle", func() {
	var w *world
	BeforeEach(func() { w = newWorld("enforce") })

	accepted := func(p *v1alpha1.ConsentPolicy) {
		GinkgoHelper()
		w.reconcile()
		Expect(fresh(p).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionTrue, v1alpha1.ReasonAccepted, ""))
		Expect(p.Status.Conditions).To(haveCondition("Ready", metav1.ConditionTrue, v1alpha1.ReasonReady, ""))
		Expect(p.Status.ObservedGeneration).To(Equal(p.Generation))
	}
	refused := func(p *v1alpha1.ConsentPolicy, reason, name string) {
		GinkgoHelper()
		w.reconcile()
		Expect(fresh(p).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionFalse, reason, name))
		Expect(p.Status.Conditions).To(haveCondition("Ready", metav1.ConditionFalse, v1alpha1.ReasonNotAccepted, "Accepted"))
	}

	It("names the purpose that is absent, denies, and heals when it appears", func() {
		p := w.policy("mailer", "mailer")
		create(w.ledger("main"), w.mail(), p)
		refused(p, v1alpha1.ReasonPurposeNotFound, `DataPurpose "newsletter"`)
		b, err := ir.Decode([]byte(w.config().Spec.Bundle))
		Expect(err).NotTo(HaveOccurred())
		Expect(b.Purposes).To(HaveLen(1))
		Expect(b.Purposes[0].Blocked).To(Equal("PURPOSE_UNDECLARED"), "the published bundle denies")

		create(w.newsletter())
		accepted(p)
		b, err = ir.Decode([]byte(w.config().Spec.Bundle))
		Expect(err).NotTo(HaveOccurred())
		Expect(b.Purposes[0].Blocked).To(BeEmpty())
	})

	It("names the service that is absent, and heals when it appears", func() {
		p := w.policy("mailer", "mailer")
		create(w.ledger("main"), w.newsletter(), p)
		refused(p, v1alpha1.ReasonServiceNotFound, `DataService "esp/mail"`)
		create(w.mail())
		accepted(p)
	})

	It("breaks again when what it rests on is deleted", func() {
		p := w.mailer()
		accepted(p)
		Expect(k8s.Delete(ctx, w.newsletter())).To(Succeed())
		refused(p, v1alpha1.ReasonPurposeNotFound, `"newsletter"`)
	})

	It("reads the same for a service that is absent and for one that does not allow the namespace", func() {
		p := w.policy("mailer", "mailer")
		create(w.ledger("main"), w.newsletter(), p)
		w.reconcile()
		absent := fresh(p).Status.Conditions

		s := w.mail()
		s.Spec.AllowedNamespaces = nil
		create(s)
		w.reconcile()
		Expect(fresh(p).Status.Conditions).To(Equal(absent))
	})

	It("says that the purpose does not allow the namespace", func() {
		p := w.mailer()
		purpose := w.newsletter()
		change(purpose, func(d *v1alpha1.DataPurpose) { d.Spec.AllowedNamespaces = nil })
		refused(p, v1alpha1.ReasonNamespaceNotAllowed, `does not allow namespace "marketing"`)
	})

	It("names the endpoint that the service does not declare", func() {
		p := w.mailer()
		change(p, func(p *v1alpha1.ConsentPolicy) {
			p.Spec.Rules[0].Endpoints = []v1alpha1.EndpointName{"send", "forward"}
		})
		refused(p, v1alpha1.ReasonEndpointNotFound, `no endpoint "forward"`)
	})

	It("says all that is wrong, and orders by what matters first", func() {
		p := w.policy("mailer", "mailer")
		create(w.ledger("main"), p)
		refused(p, v1alpha1.ReasonPurposeNotFound, `DataService "esp/mail"`)
	})

	It("reads well: a line for each finding, with the place and what to do", func() {
		p := w.mailer()
		change(p, func(p *v1alpha1.ConsentPolicy) {
			p.Spec.Rules[0].Endpoints = []v1alpha1.EndpointName{"send", "forward", "bounce"}
		})
		refused(p, v1alpha1.ReasonEndpointNotFound, strings.Join([]string{
			`spec.rules[0].endpoints[1]: DataService "esp/mail" declares no endpoint "forward" that can be enforced; correct the name, or the endpoint.`,
			`spec.rules[0].endpoints[2]: DataService "esp/mail" declares no endpoint "bounce" that can be enforced; correct the name, or the endpoint.`,
		}, "\n"))
	})

	It("accepts rules that match the same requests, and says that these have to name their purpose", func() {
		p := w.policy("mailer", "mailer")
		other := p.Spec.Rules[0]
		other.Name, other.Purpose = "promotion", "promotion"
		p.Spec.Rules = append(p.Spec.Rules, other)
		promotion := w.newsletter()
		promotion.Name = "promotion"
		create(w.ledger("main"), w.newsletter(), promotion, w.mail(), p)
		w.reconcile()
		Expect(fresh(p).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionTrue, v1alpha1.ReasonAccepted,
			`spec.rules[0]: Rule "newsletter" is for DataPurpose "newsletter" and matches requests that rule "promotion" (DataPurpose "promotion") matches too; they are denied as PURPOSE_AMBIGUOUS unless they name their purpose in the header OptUp-Purpose.`))
	})

	It("leaves policies of others alone", func() {
		p := w.mailer()
		other := w.policy("other", "other")
		other.Spec.Rules[0].Purpose = "absent"
		create(other)
		accepted(p)
		refused(other, v1alpha1.ReasonPurposeNotFound, `"absent"`)
	})
})
