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
	as := func(user string) client.Client {
		GinkgoHelper()
		c := rest.CopyConfig(environment.Config)
		c.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:masters"}} // whatever roles give
		out, err := client.New(c, client.Options{Scheme: k8s.Scheme()})
		Expect(err).NotTo(HaveOccurred())
		return out
	}
	trust := func() *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "governed", Name: inject.TrustConfigMap}}
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
		Expect(parts).To(HaveLen(2))
		p, b := &admissionv1.ValidatingAdmissionPolicy{}, &admissionv1.ValidatingAdmissionPolicyBinding{}
		Expect(yaml.UnmarshalStrict(parts[0], p)).To(Succeed())
		Expect(yaml.UnmarshalStrict(parts[1], b)).To(Succeed())
		Expect(k8s.Create(ctx, p)).To(Succeed())
		Expect(k8s.Create(ctx, b)).To(Succeed())
		manager, tenant = as("system:serviceaccount:"+releaseNamespace+":optup-manager"), as("tenant")
		// The API server learns of policies after a while.
		Eventually(func() error { return tenant.Create(ctx, trust(), client.DryRunAll) }).Should(MatchError(ContainSubstring("manager alone")))
		DeferCleanup(func() {
			Expect(k8s.Delete(ctx, b)).To(Succeed())
			Expect(k8s.Delete(ctx, p)).To(Succeed())
		})
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
	It("is nothing else", func() {
		Expect(tenant.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "governed", Name: "theirs"}})).To(Succeed())
	})
})
