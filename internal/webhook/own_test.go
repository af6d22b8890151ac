package webhook

import (
	"bytes"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/optup/optup/internal/inject"
)

var _ = Describe("What the manager alone writes", Ordered, func() {
	var manager, tenant client.Client
	own := map[string]string{"app.kubernetes.io/managed-by": "optup"}
	as := func(user string) client.Client {
		GinkgoHelper()
		c := rest.CopyConfig(environment.Config)
		c.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:masters"}} // whatever roles give
		out, err := client.New(c, client.Options{Scheme: k8s.Scheme()})
		Expect(err).NotTo(HaveOccurred())
		return out
	}
	trust := func() *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "governed", Name: inject.TrustConfigMap, Labels: own}}
	}
	theirs := func() *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "governed", Name: "theirs"}, Data: map[string][]byte{"key": []byte("x")}}
	}
	sample := func() *unstructured.Unstructured {
		GinkgoHelper()
		text, err := os.ReadFile(filepath.Join("..", "..", "config", "samples", "sidecarconfig.yaml"))
		Expect(err).NotTo(HaveOccurred())
		u := &unstructured.Unstructured{}
		Expect(yaml.Unmarshal(text, u)).To(Succeed())
		u.SetNamespace("governed")
		return u
	}
	BeforeAll(func() {
		_, err := envtest.InstallCRDs(environment.Config, envtest.CRDInstallOptions{Paths: []string{filepath.Join("..", "..", "config", "crd", "bases", "consent.optup.dev_sidecarconfigs.yaml")}})
		Expect(err).NotTo(HaveOccurred())
		parts := bytes.Split(render("own.yaml"), []byte("\n---\n"))
		Expect(parts).To(HaveLen(4))
		for i, text := range parts {
			var o client.Object = &admissionv1.ValidatingAdmissionPolicy{}
			if i%2 == 1 {
				o = &admissionv1.ValidatingAdmissionPolicyBinding{}
			}
			Expect(yaml.UnmarshalStrict(text, o)).To(Succeed())
			Expect(k8s.Create(ctx, o)).To(Succeed())
			DeferCleanup(func() { Expect(k8s.Delete(ctx, o)).To(Succeed()) })
		}
		manager, tenant = as("system:serviceaccount:"+releaseNamespace+":optup-manager"), as("tenant")
		// The API server learns of policies after a while.
		Eventually(func() error { return tenant.Create(ctx, trust(), client.DryRunAll) }).Should(MatchError(ContainSubstring("manager alone")))
		Eventually(func() error { return manager.Create(ctx, theirs(), client.DryRunAll) }).Should(MatchError(ContainSubstring("of its own only")))
	})
	It("is whom sidecars trust", func() {
		Expect(manager.Create(ctx, trust())).To(Succeed())
		changed := trust()
		Expect(tenant.Get(ctx, client.ObjectKeyFromObject(changed), changed)).To(Succeed())
		changed.Data = map[string]string{inject.TrustKey: "another authority"}
		Expect(tenant.Update(ctx, changed)).To(MatchError(ContainSubstring("manager alone")))
		Expect(manager.Update(ctx, changed)).To(Succeed())
		Expect(as("system:serviceaccount:governed:optup-manager").Update(ctx, changed)).To(MatchError(ContainSubstring("manager alone")), "an account of that name elsewhere")
		Expect(tenant.Delete(ctx, changed)).To(Succeed(), "namespaces have to end")
	})
	It("is what they enforce", func() {
		Eventually(func() error { return tenant.Create(ctx, sample()) }).Should(MatchError(ContainSubstring("manager alone")))
		Expect(manager.Create(ctx, sample())).To(Succeed())
		changed := sample()
		Expect(tenant.Get(ctx, client.ObjectKeyFromObject(changed), changed)).To(Succeed())
		Expect(unstructured.SetNestedField(changed.Object, "{}", "spec", "bundle")).To(Succeed())
		Expect(tenant.Update(ctx, changed)).To(MatchError(ContainSubstring("manager alone")))
	})
	It("are its own Secrets and ConfigMaps, and nobody else's", func() {
		secret := theirs()
		Expect(tenant.Create(ctx, secret)).To(Succeed())
		secret.Labels = own
		Expect(manager.Update(ctx, secret)).To(MatchError(ContainSubstring("of its own only")), "it makes it its own")
		Expect(manager.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "governed", Name: "new"}})).To(MatchError(ContainSubstring("of its own only")))
		ours := theirs()
		ours.Name, ours.Labels = "ours", own
		Expect(manager.Create(ctx, ours)).To(Succeed())
		ours.Labels = nil
		Expect(manager.Update(ctx, ours)).To(MatchError(ContainSubstring("of its own only")))
		Expect(manager.Get(ctx, client.ObjectKeyFromObject(ours), ours)).To(Succeed())
		ours.Data["key"] = []byte("y")
		Expect(manager.Update(ctx, ours)).To(Succeed())
	})
	It("is nothing else", func() {
		Expect(tenant.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "governed", Name: "theirs"}})).To(Succeed())
	})
})
