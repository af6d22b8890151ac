package controllers

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
)

var _ = Describe("The objects of a ConsentLedger", func() {
	var (
		w *world
		r *ledgers
		l *v1alpha1.ConsentLedger
	)
	BeforeEach(func() {
		w, r = newWorld("enforce"), newLedgers()
		l = w.ledger("main")
		create(l)
		r.reconcile(l)
	})

	It("are all there, owned by it and marked", func() {
		for _, o := range objects("main") {
			fresh(o)
			Expect(metav1.IsControlledBy(o, l)).To(BeTrue(), "%T", o)
			Expect(o.GetLabels()).To(HaveKeyWithValue("app.kubernetes.io/managed-by", "optup"))
		}
	})

	It("run one pod that may do nothing but serve", func() {
		set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: "main-ledger"}}
		pod := fresh(set).Spec.Template.Spec
		Expect(*set.Spec.Replicas).To(BeEquivalentTo(1))
		Expect(pod.ServiceAccountName).To(Equal("main-ledger"))
		Expect(*pod.AutomountServiceAccountToken).To(BeFalse())
		Expect(*pod.SecurityContext.RunAsNonRoot).To(BeTrue())
		container := pod.Containers[0]
		Expect(*container.SecurityContext.ReadOnlyRootFilesystem).To(BeTrue())
		Expect(container.SecurityContext.Capabilities.Drop).To(ConsistOf(corev1.Capability("ALL")))
		Expect(set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests.Storage().String()).To(Equal("1Gi"))
	})

	It("let the manager read and everybody in access do what they may", func() {
		change(l, func(l *v1alpha1.ConsentLedger) {
			l.Spec.Access = []v1alpha1.LedgerAccess{{
				ServiceAccount: &v1alpha1.ServiceAccountReference{Namespace: "shop", Name: "signup"},
				Roles:          []v1alpha1.LedgerRole{v1alpha1.LedgerRoleTouchpoint},
			}}
		})
		r.reconcile(l)
		files := fresh(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: "main-ledger-config"}})
		var config struct {
			Access []struct {
				Subject string
				Roles   []string
			}
		}
		Expect(json.Unmarshal([]byte(files.Data["config.json"]), &config)).To(Succeed())
		Expect(config.Access).To(HaveLen(2))
		Expect(config.Access[1].Subject).To(Equal("system:serviceaccount:shop:signup"))
		Expect(config.Access[1].Roles).To(ConsistOf("touchpoint"))
	})

	It("serve under the name that sidecars dial", func() {
		s := fresh(secret("main-ledger-tls"))
		block, _ := pem.Decode(s.Data[corev1.TLSCertKey])
		c, err := x509.ParseCertificate(block.Bytes)
		Expect(err).NotTo(HaveOccurred())
		Expect(c.VerifyHostname("main-ledger.consent.svc")).To(Succeed())
		Expect(fresh(l).Status.URL).To(Equal("https://main-ledger.consent.svc:8443"))
	})

	It("are put right when somebody changes them", func() {
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: "main-ledger"}}
		change(service, func(s *corev1.Service) { s.Spec.Selector = map[string]string{"app": "impostor"} })
		r.reconcile(l)
		Expect(fresh(service).Spec.Selector).To(Equal(ledgerLabels(l)))
	})

	It("are left alone while nothing changes", func() {
		versions := func() map[string]string {
			out := map[string]string{"ledger": fresh(l).ResourceVersion, "keys": fresh(secret("main-ledger-keys")).ResourceVersion}
			for _, o := range objects("main") {
				out[o.GetName()+" "+o.GetObjectKind().GroupVersionKind().Kind+"/"+string(fresh(o).GetUID())] = o.GetResourceVersion()
			}
			return out
		}
		r.reconcile(l)
		before := versions()
		Expect(before).To(HaveLen(7))
		for range 3 {
			r.reconcile(l)
		}
		Expect(versions()).To(Equal(before))
	})

	It("are not made before the cluster's keys are known", func() {
		r.reconciler.JWKS = func() []byte { return nil }
		other := w.ledger("other")
		other.Spec.Controller = "Somebody Else GmbH"
		create(other)
		r.reconcile(other)
		Expect(fresh(other).Status.Conditions).To(haveCondition("Ready", metav1.ConditionFalse, v1alpha1.ReasonStarting, ""))
		Expect(k8s.Get(ctx, keyOf(secret("other-ledger-keys")), &corev1.Secret{})).To(MatchError(ContainSubstring("not found")))
	})

	It("tell whether the ledger serves", func() {
		Expect(fresh(l).Status.Conditions).To(haveCondition("Ready", metav1.ConditionFalse, v1alpha1.ReasonStarting, ""))
		serves("main", 1)
		r.reconcile(l)
		Expect(fresh(l).Status.Conditions).To(haveCondition("Ready", metav1.ConditionTrue, v1alpha1.ReasonReady, ""))
		serves("main", 0)
		r.reconcile(l)
		Expect(fresh(l).Status.Conditions).To(haveCondition("Ready", metav1.ConditionFalse, v1alpha1.ReasonUnavailable, "freshness bound"))
	})
})
