package cli

import (
	"context"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/optup/optup/api/v1alpha1"
)

func cluster(t *testing.T, objects ...client.Object) client.Client {
	t.Helper()
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			t.Fatal(err)
		}
	}
	return fake.NewClientBuilder().WithScheme(s).WithObjects(objects...).Build()
}

func installed() []client.Object {
	fail := admissionv1.Fail
	config := admissionv1.WebhookClientConfig{CABundle: []byte("x")}
	return []client.Object{
		&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "optup-system", Name: "optup-manager"}, Status: appsv1.DeploymentStatus{Replicas: 1, AvailableReplicas: 1}},
		&admissionv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "optup"}, Webhooks: []admissionv1.MutatingWebhook{{Name: "a.b.c", FailurePolicy: &fail, ClientConfig: config}}},
		&admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "optup"}, Webhooks: []admissionv1.ValidatingWebhook{{Name: "a.b.c", FailurePolicy: &fail, ClientConfig: config}}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "marketing", Labels: map[string]string{v1alpha1.LabelMode: "enforce"}}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "optup-trust"}},
	}
}

func TestDoctor(t *testing.T) {
	for name, tt := range map[string]struct {
		change func([]client.Object) []client.Object
		want   string // part of a failing check; empty for none
	}{
		"everything is in order": {func(o []client.Object) []client.Object { return o }, ""},
		"no manager":             {func(o []client.Object) []client.Object { return o[1:] }, "no manager"},
		"a webhook that fails open": {func(o []client.Object) []client.Object {
			ignore := admissionv1.Ignore
			o[1].(*admissionv1.MutatingWebhookConfiguration).Webhooks[0].FailurePolicy = &ignore
			return o
		}, "lets pods pass"},
		"a webhook without authority": {func(o []client.Object) []client.Object {
			o[2].(*admissionv1.ValidatingWebhookConfiguration).Webhooks[0].ClientConfig.CABundle = nil
			return o
		}, "authority"},
		"no trust": {func(o []client.Object) []client.Object { return o[:4] }, "optup-trust"},
		"a pod from before": {func(o []client.Object) []client.Object {
			return append(o, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "old"}, Status: corev1.PodStatus{Phase: corev1.PodRunning}})
		}, "without a sidecar: old"},
		"a policy that is not accepted": {func(o []client.Object) []client.Object {
			return append(o, &v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "p"}, Status: v1alpha1.ConsentPolicyStatus{
				Conditions: []metav1.Condition{{Type: "Accepted", Status: "False", Reason: "PurposeNotFound", Message: "create it"}},
			}})
		}, "PurposeNotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			checks, err := Doctor(context.Background(), cluster(t, tt.change(installed())...), "optup-system")
			if err != nil {
				t.Fatal(err)
			}
			var failed []string
			for _, c := range checks {
				if c.Level == Fail {
					failed = append(failed, c.What)
					if c.Do == "" {
						t.Errorf("%q does not say what to do", c.What)
					}
				}
			}
			got := strings.Join(failed, "; ")
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("failed checks %q, want %q", got, tt.want)
			}
		})
	}
}

// TestUninstallNeverBlocksPods: the webhooks go before anything that they depend on.
func TestUninstallNeverBlocksPods(t *testing.T) {
	c := cluster(t, installed()...)
	dry, err := Uninstall(context.Background(), c, UninstallOptions{Namespace: "optup-system", DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Get(context.Background(), client.ObjectKey{Name: "optup"}, &admissionv1.MutatingWebhookConfiguration{}); err != nil {
		t.Fatalf("a dry run removed something: %v", err)
	}
	steps, err := Uninstall(context.Background(), c, UninstallOptions{Namespace: "optup-system"})
	if err != nil {
		t.Fatal(err)
	}
	if len(dry) != len(steps) {
		t.Errorf("a dry run shows %d steps, there are %d", len(dry), len(steps))
	}
	at := func(part string) int {
		return slices.IndexFunc(steps, func(s Step) bool { return strings.Contains(s.What, part) })
	}
	for _, hook := range []string{"MutatingWebhook", "ValidatingWebhook"} {
		if at(hook) < 0 || at(hook) > at("Deployment") || at(hook) > at("label") {
			t.Errorf("%s goes too late: %v", hook, steps)
		}
	}
	var n corev1.Namespace
	if err := c.Get(context.Background(), client.ObjectKey{Name: "marketing"}, &n); err != nil || n.Labels[v1alpha1.LabelMode] != "" {
		t.Errorf("labels %v, %v", n.Labels, err)
	}
	if _, err := Uninstall(context.Background(), c, UninstallOptions{Namespace: "optup-system"}); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func TestCompileOffline(t *testing.T) {
	r, err := Compile([]string{"../../test/corpus/bases/shop.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Bundles) != 1 || len(r.Findings) != 0 {
		t.Errorf("%d bundles, findings %v", len(r.Bundles), r.Findings)
	}
	if _, err := Compile([]string{"absent.yaml"}); err == nil {
		t.Error("an absent file is no error")
	}
}
