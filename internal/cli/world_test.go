package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/version"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
)

var now = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

// authority is one that expires at a time, in PEM.
func authority(t *testing.T, until time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.AddDate(-1, 0, 0), NotAfter: until, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// world is an installation in order, by name of the object.
type world map[string]client.Object

func newWorld(t *testing.T) world {
	t.Helper()
	ca := authority(t, now.AddDate(1, 0, 0))
	w := world{}
	for _, k := range kinds {
		w[definitionName(k.resource)] = definition(k.resource)
	}
	for _, o := range append(managerObjects(OperatorNamespace), operatorKeys(OperatorNamespace)...) {
		w[nameOf(o)] = o
	}
	w["deployment"] = &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: OperatorNamespace, Name: managerName},
		Status: appsv1.DeploymentStatus{
			Replicas: 1, AvailableReplicas: 1, Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue}},
		},
	}
	delete(w, nameOf(w["deployment"]))
	fail := admissionv1.Fail
	config := admissionv1.WebhookClientConfig{CABundle: ca}
	selector := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: v1alpha1.LabelMode, Operator: metav1.LabelSelectorOpExists},
		{Key: "kubernetes.io/metadata.name", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"kube-system", OperatorNamespace}},
	}}
	w["mutating"] = &admissionv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "optup"}, Webhooks: []admissionv1.MutatingWebhook{
		{Name: mutatingWebhook, FailurePolicy: &fail, ClientConfig: config, NamespaceSelector: selector},
	}}
	w["validating"] = &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "optup"}, Webhooks: []admissionv1.ValidatingWebhook{
		{Name: verifyWebhook, FailurePolicy: &fail, ClientConfig: config, NamespaceSelector: selector},
	}}
	w["foreign webhook"] = &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "other"}, Webhooks: []admissionv1.ValidatingWebhook{{Name: "a.example.org"}}}
	w["marketing"] = namespace("marketing", v1alpha1.LabelModeEnforce)
	w["free"] = &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "free"}}
	for _, n := range []string{"marketing", "consent", OperatorNamespace} {
		w["trust "+n] = &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: n, Name: inject.TrustConfigMap, Labels: map[string]string{managedByLabel: managedByOptUp}},
			Data:       map[string]string{inject.TrustKey: string(ca)},
		}
	}
	w["foreign trust"] = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "free", Name: inject.TrustConfigMap}}
	w["purpose"] = &v1alpha1.DataPurpose{ObjectMeta: metav1.ObjectMeta{Name: "newsletter"}, Status: v1alpha1.DataPurposeStatus{Conditions: is("Accepted")}}
	w["service"] = &v1alpha1.DataService{ObjectMeta: metav1.ObjectMeta{Namespace: "esp", Name: "mail"}, Status: v1alpha1.DataServiceStatus{Conditions: is("Accepted")}}
	w["policy"] = &v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "campaign"}, Status: v1alpha1.ConsentPolicyStatus{Conditions: is("Accepted")}}
	w["config"] = &v1alpha1.SidecarConfig{
		ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "mailer"}, Spec: v1alpha1.SidecarConfigSpec{Workload: v1alpha1.WorkloadRef{Kind: "Deployment", Name: "mailer"}},
		Status: v1alpha1.SidecarConfigStatus{Running: 1, InSync: 1, Conditions: is("Programmed", "Ready")},
	}
	w["ledger"] = &v1alpha1.ConsentLedger{
		ObjectMeta: metav1.ObjectMeta{Namespace: "consent", Name: "main"}, Status: v1alpha1.ConsentLedgerStatus{Conditions: is("Accepted", "Ready", "KeysBackedUp")},
	}
	ledger := map[string]string{ledgerLabel: "main", managedByLabel: managedByOptUp}
	w["keys"] = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "consent", Name: "main-ledger-keys", Labels: ledger}}
	w["tls"] = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "consent", Name: "main-ledger-tls", Labels: ledger}}
	w["volume"] = &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "consent", Name: "data-main-ledger-0", Labels: ledger}}
	w["ledger pod"] = pod("consent", "main-ledger-0", "StatefulSet", "main-ledger")
	mountTrust(w["ledger pod"].(*corev1.Pod))
	w["pod"] = pod("marketing", "mailer-5d4f-x", "ReplicaSet", "mailer-5d4f")
	guard(w["pod"].(*corev1.Pod))
	return w
}

func (w world) client() client.Client { return w.builder().Build() }

func (w world) builder() *fake.ClientBuilder {
	b := fake.NewClientBuilder().WithScheme(Scheme())
	for _, o := range w {
		b = b.WithObjects(o)
	}
	return b
}

func nameOf(o client.Object) string { return o.GetNamespace() + "/" + o.GetName() + typeName(o) }

func definition(resource string) *unstructured.Unstructured {
	d := &unstructured.Unstructured{Object: map[string]any{
		"spec":   map[string]any{"versions": []any{map[string]any{"name": v1alpha1.GroupVersion.Version, "served": true}}},
		"status": map[string]any{"conditions": []any{map[string]any{"type": "Established", "status": "True"}}},
	}}
	d.SetGroupVersionKind(definitionKind)
	d.SetName(definitionName(resource))
	return d
}

func namespace(name, mode string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.LabelMode: mode, "kubernetes.io/metadata.name": name}}}
}

func is(kinds ...string) []metav1.Condition {
	var out []metav1.Condition
	for _, k := range kinds {
		out = append(out, metav1.Condition{Type: k, Status: metav1.ConditionTrue, Reason: k})
	}
	return out
}

func not(kind, reason, message string) []metav1.Condition {
	return []metav1.Condition{{Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: message}}
}

func pod(namespace, name, ownerKind, owner string) *corev1.Pod {
	yes := true
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	if ownerKind != "" {
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: ownerKind, Name: owner, UID: "1", Controller: &yes}}
	}
	if ownerKind == "ReplicaSet" {
		p.Labels = map[string]string{"pod-template-hash": "5d4f"}
	}
	return p
}

// guard gives a pod what injection gives it, as far as anybody looks.
func guard(p *corev1.Pod) {
	p.Spec.InitContainers = []corev1.Container{{Name: inject.RedirectName}, {Name: inject.SidecarName}}
	mountTrust(p)
}

func mountTrust(p *corev1.Pod) {
	p.Spec.Volumes = []corev1.Volume{{Name: inject.TrustVolume, VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: inject.TrustConfigMap}},
	}}}
}

func runs(git string) func() (*version.Info, error) {
	return func() (*version.Info, error) { return &version.Info{GitVersion: git}, nil }
}
