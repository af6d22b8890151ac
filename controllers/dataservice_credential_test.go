package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/translate"
)

// espKey is what no object but its Secret may hold.
const espKey = "SG.correct-horse-battery-staple"

var espValue = ir.Value{Service: esp + "/mail", ID: ir.ValueID("mail", "key", "api."+esp+".svc")}

// credentialed is the mail service with a credential.
func (w *world) credentialed() *v1alpha1.DataService {
	d := w.mail()
	d.Spec.Credential = &v1alpha1.Credential{Type: v1alpha1.CredentialBearer, SecretRef: v1alpha1.SecretKeyReference{Name: "mail", Key: "key"}}
	return d
}

// secret holds the key, as somebody who lets OptUp send it to the mail service.
func (w *world) secret() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: esp, Name: "mail", Labels: map[string]string{v1alpha1.LabelCredential: "true"},
			Annotations: map[string]string{v1alpha1.AnnotationHosts: "login.esp.example, api." + esp + ".svc"},
		},
		Data: map[string][]byte{"key": []byte(espKey + "\n")},
	}
}

func (w *world) values() *Values { return &Values{Reader: k8s, Secrets: k8s, Direct: k8s} }

var _ = Describe("A DataService with a credential", func() {
	var w *world
	BeforeEach(func() {
		w = newWorld("enforce")
		w.bundles.Values = w.values()
	})

	DescribeTable("says whether there is something to insert, and what to do",
		func(change func(*v1alpha1.DataService, *corev1.Secret), reason, message string) {
			d, s := w.credentialed(), w.secret()
			change(d, s)
			create(d)
			if s.Name != "" {
				create(s)
			}
			w.reconcile()
			fresh(d)
			status := metav1.ConditionFalse
			if reason == v1alpha1.ReasonCredentialReady {
				status = metav1.ConditionTrue
			}
			Expect(d.Status.Conditions).To(haveCondition("CredentialReady", status, reason, message))
			ready := v1alpha1.ReasonReady
			if status == metav1.ConditionFalse {
				ready = v1alpha1.ReasonCredentialMissing
				for _, c := range d.Status.Conditions {
					Expect(c.Message).NotTo(ContainSubstring("correct"))
				}
			}
			Expect(d.Status.Conditions).To(haveCondition("Ready", status, ready, ""))
			all := true
			for id := range translate.ValuesOf(d) {
				got, err := w.bundles.Values.Value(ctx, marketing, ir.Value{Service: espValue.Service, ID: id})
				Expect(err).NotTo(HaveOccurred())
				all = all && !got.Empty()
			}
			Expect(all).To(Equal(status == metav1.ConditionTrue), "values are handed out")
		},
		Entry("there is", func(*v1alpha1.DataService, *corev1.Secret) {}, v1alpha1.ReasonCredentialReady, "insert the credential"),
		Entry("no Secret", func(_ *v1alpha1.DataService, s *corev1.Secret) { s.Name = "" }, v1alpha1.ReasonSecretNotFound, "create it, with the credential under the key key"),
		Entry("no key in it", func(_ *v1alpha1.DataService, s *corev1.Secret) { s.Data = map[string][]byte{"token": []byte("x")} }, v1alpha1.ReasonSecretNotFound, "has nothing under the key key"),
		Entry("a Secret that nobody marked", func(_ *v1alpha1.DataService, s *corev1.Secret) { s.Labels = nil }, v1alpha1.ReasonSecretNotPermitted, `give it the label consent.optup.dev/credential: "true"`),
		Entry("a mark that says no", func(_ *v1alpha1.DataService, s *corev1.Secret) { s.Labels[v1alpha1.LabelCredential] = "false" }, v1alpha1.ReasonSecretNotPermitted, "has not let OptUp use it"),
		Entry("a host that its owner did not name", func(d *v1alpha1.DataService, _ *corev1.Secret) { d.Spec.Hosts = []v1alpha1.Host{"evil.example"} }, v1alpha1.ReasonSecretNotPermitted, "has not named evil.example"),
		Entry("a second host that its owner did not name", func(d *v1alpha1.DataService, _ *corev1.Secret) { d.Spec.Hosts = append(d.Spec.Hosts, "evil.example") }, v1alpha1.ReasonSecretNotPermitted, "has not named evil.example"),
		Entry("no hosts named at all", func(_ *v1alpha1.DataService, s *corev1.Secret) { s.Annotations = nil }, v1alpha1.ReasonSecretNotPermitted, "annotation consent.optup.dev/hosts"),
		Entry("a token endpoint that its owner did not name", func(d *v1alpha1.DataService, _ *corev1.Secret) {
			d.Spec.Credential.Type, d.Spec.Credential.OAuth2 = v1alpha1.CredentialOAuth2, &v1alpha1.OAuth2Client{TokenURL: "https://evil.example/t", ClientID: "shop"}
		}, v1alpha1.ReasonSecretNotPermitted, "has not named evil.example"),
		Entry("a token endpoint that its owner named", func(d *v1alpha1.DataService, _ *corev1.Secret) {
			d.Spec.Credential.Type, d.Spec.Credential.OAuth2 = v1alpha1.CredentialOAuth2, &v1alpha1.OAuth2Client{TokenURL: "https://login.esp.example/t", ClientID: "shop"}
		}, v1alpha1.ReasonCredentialReady, ""),
		Entry("a client whose name is not there", func(d *v1alpha1.DataService, _ *corev1.Secret) {
			d.Spec.Credential.Type, d.Spec.Credential.OAuth2 = v1alpha1.CredentialOAuth2, &v1alpha1.OAuth2Client{
				TokenURL: "https://login.esp.example/t", ClientIDRef: &v1alpha1.SecretKeyReference{Name: "mail", Key: "id"},
			}
		}, v1alpha1.ReasonSecretNotFound, "put the client's name there"),
		Entry("two lines", func(_ *v1alpha1.DataService, s *corev1.Secret) { s.Data["key"] = []byte("correct\nX-Evil: horse") }, v1alpha1.ReasonCredentialUnusable, "one line of printable ASCII"),
		Entry("a user without password", func(d *v1alpha1.DataService, _ *corev1.Secret) { d.Spec.Credential.Type = v1alpha1.CredentialBasic }, v1alpha1.ReasonCredentialUnusable, `no "user:password"`),
	)

	It("forgets the condition with the credential", func() {
		d := w.credentialed()
		create(d)
		w.reconcile()
		Expect(fresh(d).Status.Conditions).To(haveCondition("CredentialReady", metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound, ""))
		change(d, func(d *v1alpha1.DataService) { d.Spec.Credential = nil })
		w.reconcile()
		Expect(fresh(d).Status.Conditions).NotTo(ContainElement(HaveField("Type", "CredentialReady")))
	})

	It("hands values to namespaces that its owner allows, and no others, whatever a bundle says", func() {
		create(w.credentialed(), w.secret())
		for namespace, want := range map[string]bool{marketing: true, esp: true, consent: false, "nowhere": false} {
			got, err := w.bundles.Values.Value(ctx, namespace, espValue)
			Expect(err).NotTo(HaveOccurred())
			Expect(got.Empty()).NotTo(Equal(want), namespace)
		}
		for _, v := range []ir.Value{{Service: espValue.Service, ID: "mail/other"}, {Service: esp + "/none", ID: espValue.ID}, {Service: "x", ID: espValue.ID}} {
			got, err := w.bundles.Values.Value(ctx, marketing, v)
			Expect(err).NotTo(HaveOccurred())
			Expect(got.Empty()).To(BeTrue(), "%v", v)
		}
	})

	It("is for the hosts that its owner named, while a bundle that sends it elsewhere is still out, or is out already", func() {
		d := w.credentialed()
		d.Spec.Hosts = []v1alpha1.Host{"evil.example"}
		create(d, w.secret())
		change(d, func(d *v1alpha1.DataService) { d.Spec.Hosts = []v1alpha1.Host{v1alpha1.Host("api." + esp + ".svc")} })
		got, err := w.bundles.Values.Value(ctx, marketing, ir.Value{Service: espValue.Service, ID: ir.ValueID("mail", "key", "evil.example")})
		Expect(err).NotTo(HaveOccurred())
		Expect(got.Empty()).To(BeTrue(), "a bundle of before sends it to another host")
		for _, id := range []string{"mail/key", ir.ValueID("mail", "key", "api."+esp+".svc", "evil.example")} {
			got, err = w.bundles.Values.Value(ctx, marketing, ir.Value{Service: espValue.Service, ID: id})
			Expect(err).NotTo(HaveOccurred())
			Expect(got.Empty()).To(BeTrue(), id)
		}
		got, err = w.bundles.Values.Value(ctx, marketing, espValue)
		Expect(err).NotTo(HaveOccurred())
		Expect(got.Empty()).To(BeFalse())
	})
})
