package e2e

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/test/road"
)

var _ = Describe("an enforced namespace", Ordered, func() {
	It("mails the newsletter to those who agreed and to nobody else, and every invoice", func(ctx SpecContext) {
		forget(ctx)
		for _, job := range []string{"campaign", "invoice"} {
			_, err := r.RunJob(ctx, job)
			Expect(err).NotTo(HaveOccurred())
		}
		newsletter, err := r.Mailed(ctx, "d-newsletter")
		Expect(err).NotTo(HaveOccurred())
		Expect(newsletter).To(HaveLen(lawful()))
		for _, address := range newsletter {
			Expect(truth.Newsletter).To(HaveKey(address))
		}
		Expect(r.Mailed(ctx, "d-invoice")).To(HaveLen(listed))
	}, SpecTimeout(3*time.Minute))

	It("shows only people who agreed, without special and undeclared fields", func(ctx SpecContext) {
		p, err := r.Pod(ctx, "marketing", road.App("dashboard"))
		Expect(err).NotTo(HaveOccurred())
		var s struct {
			People int            `json:"people"`
			Fields map[string]int `json:"fields"`
		}
		Eventually(func() int {
			Expect(r.Ask(ctx, p, 8081, "/stats", &s)).To(Succeed())
			return s.People
		}).WithContext(ctx).WithTimeout(30 * time.Second).WithPolling(500 * time.Millisecond).Should(Equal(len(truth.ProfileView)))
		Expect(s.Fields).To(And(HaveKey("email"), Not(HaveKey("health")), Not(HaveKey("birthday")), Not(HaveKey("score"))))
	}, SpecTimeout(time.Minute))

	It("tells the truth in SidecarConfig status", func(ctx SpecContext) {
		Eventually(func(g Gomega) {
			var l v1alpha1.SidecarConfigList
			g.Expect(r.List(ctx, &l, client.InNamespace("marketing"))).To(Succeed())
			ready := map[string]string{}
			for _, c := range l.Items {
				ready[c.Spec.Workload.String()] = c.Status.Ready
			}
			g.Expect(ready).To(HaveKeyWithValue("Deployment/ticker", "1/1"))
			g.Expect(ready).To(HaveKeyWithValue("Deployment/dashboard", "1/1"))
		}).WithContext(ctx).WithTimeout(30 * time.Second).Should(Succeed())
	}, SpecTimeout(time.Minute))

	It("denies within a second of a withdrawal", func(ctx SpecContext) {
		address := allowed()
		flows(ctx, address)
		ledger, err := r.OpenLedger(ctx)
		Expect(err).NotTo(HaveOccurred())
		defer ledger.Close()
		_, err = ledger.Append(ctx, address, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"})
		Expect(err).NotTo(HaveOccurred())
		delete(truth.Newsletter, address)
		time.Sleep(time.Second)
		count := delivered(ctx, address)
		Consistently(func() int { return delivered(ctx, address) }).WithContext(ctx).WithTimeout(2 * time.Second).Should(Equal(count))
		watch(ctx, "")
	}, SpecTimeout(time.Minute))

	It("refuses a pod that no sidecar can guard, and says why", func(ctx SpecContext) {
		err := r.Create(ctx, pause("marketing", "host-network", func(s *corev1.PodSpec) { s.HostNetwork = true }))
		Expect(err).To(MatchError(ContainSubstring("hostNetwork")))
	}, SpecTimeout(time.Minute))

	It("says which purpose a policy misses, denies, and heals when it appears", func(ctx SpecContext) {
		Expect(r.ApplyYAML(ctx, dangling)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			for _, o := range []client.Object{&v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "survey"}}, &v1alpha1.DataPurpose{ObjectMeta: metav1.ObjectMeta{Name: "survey"}}} {
				Expect(client.IgnoreNotFound(r.Delete(ctx, o))).To(Succeed())
			}
		})
		accepted := func(status metav1.ConditionStatus, message string) {
			Eventually(func(g Gomega) {
				var p v1alpha1.ConsentPolicy
				g.Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: "marketing", Name: "survey"}, &p)).To(Succeed())
				g.Expect(p.Status.Conditions).To(ContainElement(And(HaveField("Type", "Accepted"), HaveField("Status", status), HaveField("Message", ContainSubstring(message)))))
			}).WithContext(ctx).WithTimeout(20 * time.Second).Should(Succeed())
		}
		accepted(metav1.ConditionFalse, `"survey"`)
		Expect(r.ApplyYAML(ctx, survey)).To(Succeed())
		accepted(metav1.ConditionTrue, "")
	}, SpecTimeout(time.Minute))
})

const dangling = `
apiVersion: consent.optup.dev/v1alpha1
kind: ConsentPolicy
metadata: {name: survey, namespace: marketing}
spec:
  targetRefs: [{kind: Deployment, name: surveys}]
  rules:
  - {name: survey, purpose: survey, service: {namespace: esp, name: mail}, endpoints: [send]}
`

const survey = `
apiVersion: consent.optup.dev/v1alpha1
kind: DataPurpose
metadata: {name: survey}
spec:
  controller: Gartenhaus Grün GmbH
  dpv: dpv:DirectMarketing
  texts: [{language: en, title: Survey, description: A survey is advertising.}]
  legalGrounds: [consent]
  processing: [send]
  dataCategories: [pd:EmailAddress, pd:Name]
  channels: [email]
  objection: DirectMarketing
  allowedNamespaces: {names: [marketing]}
`

// pause is a pod of the shop's image that does nothing.
func pause(namespace, name string, change func(*corev1.PodSpec)) *corev1.Pod {
	no, yes, user := false, true, int64(65532)
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.PodSpec{
		AutomountServiceAccountToken: &no,
		SecurityContext:              &corev1.PodSecurityContext{RunAsNonRoot: &yes, RunAsUser: &user},
		Containers:                   []corev1.Container{{Name: "app", Image: r.Image("shop"), Args: []string{"--help"}}},
	}}
	if change != nil {
		change(&p.Spec)
	}
	return p
}
