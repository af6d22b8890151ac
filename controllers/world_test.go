package controllers

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/distribute/server"
)

// shop is the controller (GDPR Art. 4(7)) of the world.
const shop = "Gartenhaus Grün GmbH"

// The namespaces of the world.
const (
	marketing = "marketing"
	esp       = "esp"
	consent   = "consent"
	system    = "optup-system"
)

// world is the shop of one spec, and a reconciler with nobody connected. Its objects go after the spec; namespaces stay, because
// nobody ends them here.
type world struct {
	sessions *server.Sessions
	bundles  *Bundles
}

// newWorld gives marketing the mode label with the given value, unless that is empty.
func newWorld(mode string) *world {
	GinkgoHelper()
	w := &world{sessions: server.NewSessions(time.Now, nil)}
	w.bundles = &Bundles{Client: k8s, Sessions: w.sessions}
	label(marketing, mode)
	DeferCleanup(func() {
		label(marketing, "")
		for _, namespace := range []string{marketing, consent} {
			Expect(k8s.DeleteAllOf(ctx, &v1alpha1.SidecarConfig{}, client.InNamespace(namespace))).To(Succeed())
		}
	})
	return w
}

// label gives a namespace the mode label, or takes it away.
func label(namespace, mode string) {
	GinkgoHelper()
	change(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, func(n *corev1.Namespace) {
		delete(n.Labels, v1alpha1.LabelMode)
		if mode != "" {
			n.Labels[v1alpha1.LabelMode] = mode
		}
	})
}

// reconcile compiles and publishes everything once.
func (w *world) reconcile() {
	GinkgoHelper()
	_, err := w.bundles.Reconcile(ctx, one)
	Expect(err).NotTo(HaveOccurred())
}

// mailer declares a workload that sends newsletters, and all that this needs.
func (w *world) mailer() *v1alpha1.ConsentPolicy {
	GinkgoHelper()
	create(w.ledger("main"), w.newsletter(), w.mail())
	p := w.policy("mailer", "mailer")
	create(p)
	return p
}

func (w *world) ledger(name string) *v1alpha1.ConsentLedger {
	return &v1alpha1.ConsentLedger{
		ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: name},
		Spec: v1alpha1.ConsentLedgerSpec{
			Controller: shop, Storage: v1alpha1.LedgerStorage{SQLite: &v1alpha1.SQLiteStorage{Size: resource.MustParse("1Gi")}},
		},
	}
}

func (w *world) newsletter() *v1alpha1.DataPurpose {
	return &v1alpha1.DataPurpose{
		ObjectMeta: metav1.ObjectMeta{Name: "newsletter"},
		Spec: v1alpha1.DataPurposeSpec{
			Controller: shop, DPV: "dpv:DirectMarketing", Texts: []v1alpha1.LocalizedText{{Language: "en", Title: "Newsletter"}},
			LegalGrounds: []v1alpha1.LegalGround{v1alpha1.GroundConsent}, Processing: []v1alpha1.Processing{v1alpha1.ProcessingSend},
			Channels: []v1alpha1.Channel{v1alpha1.ChannelEmail}, Objection: v1alpha1.ObjectionDirectMarketing,
			AllowedNamespaces: &v1alpha1.NamespaceSelector{Names: []v1alpha1.NamespaceName{v1alpha1.NamespaceName(marketing)}},
		},
	}
}

func (w *world) mail() *v1alpha1.DataService {
	return &v1alpha1.DataService{
		ObjectMeta: metav1.ObjectMeta{Namespace: esp, Name: "mail"},
		Spec: v1alpha1.DataServiceSpec{
			Hosts: []v1alpha1.Host{v1alpha1.Host("api." + esp + ".svc")}, Ports: []v1alpha1.ServicePort{{Port: 80, Protocol: v1alpha1.ProtocolHTTP}},
			Party:             v1alpha1.Party{Role: v1alpha1.RoleProcessor},
			AllowedNamespaces: &v1alpha1.NamespaceSelector{Names: []v1alpha1.NamespaceName{v1alpha1.NamespaceName(marketing)}},
			Endpoints: []v1alpha1.Endpoint{{
				Name: "send", Methods: []v1alpha1.Method{"POST"}, Path: "/v3/mail/send",
				Processing: []v1alpha1.Processing{v1alpha1.ProcessingSend}, Channel: v1alpha1.ChannelEmail,
				Request: &v1alpha1.RequestBody{Addressees: []v1alpha1.AddresseeList{{Identifies: v1alpha1.Identifies{Type: v1alpha1.IdentifierEmail}, Each: "/to/*"}}},
			}},
		},
	}
}

// policy lets a Deployment send newsletters.
func (w *world) policy(name, deployment string) *v1alpha1.ConsentPolicy {
	return &v1alpha1.ConsentPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: marketing, Name: name},
		Spec: v1alpha1.ConsentPolicySpec{
			TargetRefs: []v1alpha1.WorkloadRef{{Kind: "Deployment", Name: deployment}},
			Rules: []v1alpha1.PolicyRule{{
				Name: "newsletter", Purpose: "newsletter", Endpoints: []v1alpha1.EndpointName{"send"},
				Service: v1alpha1.ServiceReference{Namespace: v1alpha1.NamespaceName(esp), Name: "mail"},
			}},
		},
	}
}

// config gives the only SidecarConfig that the marketing namespace has.
func (w *world) config() *v1alpha1.SidecarConfig {
	GinkgoHelper()
	all := w.configs()
	Expect(all).To(HaveLen(1), "SidecarConfigs in the namespace")
	return &all[0]
}

func (w *world) configs() []v1alpha1.SidecarConfig {
	GinkgoHelper()
	var all v1alpha1.SidecarConfigList
	Expect(k8s.List(ctx, &all, client.InNamespace(marketing))).To(Succeed())
	return all.Items
}

// create creates objects, which go after the spec.
func create(objects ...client.Object) {
	GinkgoHelper()
	for _, o := range objects {
		Expect(k8s.Create(ctx, o)).To(Succeed())
		DeferCleanup(func() { Expect(client.IgnoreNotFound(k8s.Delete(ctx, o, forceDelete))).To(Succeed()) })
	}
}

// change reads an object anew, changes it and writes it.
func change[T client.Object](o T, with func(T)) {
	GinkgoHelper()
	fresh(o)
	with(o)
	Expect(k8s.Update(ctx, o)).To(Succeed())
}

// fresh reads an object anew.
func fresh[T client.Object](o T) T {
	GinkgoHelper()
	Expect(k8s.Get(ctx, client.ObjectKeyFromObject(o), o)).To(Succeed())
	return o
}

// forceDelete deletes a pod at once: no kubelet is there to end it.
const forceDelete = client.GracePeriodSeconds(0)

func keyOf(o client.Object) client.ObjectKey { return client.ObjectKeyFromObject(o) }

// haveCondition matches a list of conditions with one of the type, status and reason whose message contains a text.
func haveCondition(kind string, status metav1.ConditionStatus, reason, message string) OmegaMatcher {
	return WithTransform(func(all []metav1.Condition) string {
		c := meta.FindStatusCondition(all, kind)
		if c == nil {
			return "no condition " + kind
		}
		return fmt.Sprintf("%s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}, And(HavePrefix("%s=%s %s: ", kind, status, reason), ContainSubstring(message)))
}
