package controllers

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/optup/optup/api/v1alpha1"
)

// ledgers runs ledgers, with an authority that can be exchanged.
type ledgers struct {
	authority  *authority
	reconciler *Ledgers
}

func newLedgers() *ledgers {
	l := &ledgers{authority: newAuthority("first", time.Now().Add(365*24*time.Hour))}
	l.reconciler = &Ledgers{Client: k8s, Reader: k8s, LedgerOptions: LedgerOptions{
		Image: "optup/ledger:1", ManagerURL: "https://optup-manager.optup-system.svc:9443",
		ManagerSubject: "system:serviceaccount:optup-system:optup-manager",
		Issuer:         func() string { return "https://kubernetes.default.svc" }, JWKS: func() []byte { return []byte(`{"keys":[]}`) },
		GrantKeys: []byte(`{"keys":[]}`),
		Sign: func(names []string) (cert, key []byte, err error) {
			cert, key = l.authority.leaf(time.Now().Add(-time.Minute), time.Now().Add(7*24*time.Hour), names)
			return cert, key, nil
		},
		Authority: func() string { return AuthorityName(l.authority.roots) },
	}}
	// Nobody collects what a deleted ledger owned.
	DeferCleanup(func() {
		for _, o := range []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}, &corev1.ServiceAccount{}, &corev1.Service{}, &appsv1.StatefulSet{}, &appsv1.Deployment{}, &policyv1.PodDisruptionBudget{}} {
			Expect(k8s.DeleteAllOf(ctx, o, client.InNamespace(consent), client.HasLabels{LabelLedger})).To(Succeed())
		}
	})
	return l
}

func (l *ledgers) reconcile(ledger *v1alpha1.ConsentLedger) {
	GinkgoHelper()
	_, err := l.reconciler.Reconcile(ctx, reconcile.Request{NamespacedName: keyOf(ledger)})
	Expect(err).NotTo(HaveOccurred())
}

// objects are those that a ledger of this name gets, without the root key.
func objects(name string) []client.Object {
	meta := func(suffix string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: consent, Name: name + suffix}
	}
	return []client.Object{
		&corev1.ServiceAccount{ObjectMeta: meta("-ledger")}, &corev1.ConfigMap{ObjectMeta: meta("-ledger-config")},
		&corev1.Secret{ObjectMeta: meta("-ledger-tls")}, &corev1.Service{ObjectMeta: meta("-ledger")},
		&appsv1.StatefulSet{ObjectMeta: meta("-ledger")},
	}
}

func secret(name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: name}}
}

// serves says that the ledger's pod is ready, or is not.
func serves(name string, replicas int32) {
	GinkgoHelper()
	set := fresh(&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: name + "-ledger"}})
	set.Status.Replicas, set.Status.ReadyReplicas = 1, replicas
	Expect(k8s.Status().Update(ctx, set)).To(Succeed())
}
