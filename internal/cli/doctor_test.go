package cli

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/version"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
)

func typeName(o any) string { return fmt.Sprintf(" %T", o) }

func examine(t *testing.T, w world, o DoctorOptions) []Check {
	t.Helper()
	o.Now = now
	if o.Version == nil {
		o.Version = runs("v1.37.2")
	}
	checks, err := Doctor(t.Context(), w.client(), o)
	if err != nil {
		t.Fatal(err)
	}
	return checks
}

func TestDoctorFindsAnInstallationInOrder(t *testing.T) {
	checks := examine(t, newWorld(t), DoctorOptions{})
	var names []string
	for _, c := range checks {
		if c.Level != OK || c.Do != "" {
			t.Errorf("%+v", c)
		}
		names = append(names, c.Name)
	}
	for _, want := range []string{"kubernetes", "definitions", "manager", "webhooks", "namespaces", "trust", "ledgers", "purposes", "services", "policies", "sidecars-in-sync", "pods"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s was not checked", want)
		}
	}
}

func TestDoctorFinds(t *testing.T) {
	stale := func(w world) { w["policy"].SetGeneration(2) }
	for name, tt := range map[string]struct {
		change func(world)
		level  Level
		check  string
		what   string
	}{
		"no manager":                   {func(w world) { delete(w, "deployment") }, Fail, "manager", "does not exist"},
		"a manager that does not run":  {func(w world) { w["deployment"].(*appsv1.Deployment).Status = appsv1.DeploymentStatus{} }, Fail, "manager", "not available"},
		"a kind that is not installed": {func(w world) { delete(w, "datapurposes.consent.optup.dev") }, Fail, "definitions", "not installed"},
		"a kind that is not served yet": {func(w world) {
			unstructured.RemoveNestedField(w["datapurposes.consent.optup.dev"].(*unstructured.Unstructured).Object, "status")
		}, Fail, "definitions", "not established"},
		"a kind of another version": {func(w world) {
			_ = unstructured.SetNestedSlice(w["datapurposes.consent.optup.dev"].(*unstructured.Unstructured).Object, []any{map[string]any{"name": "v9", "served": true}}, "spec", "versions")
		}, Fail, "definitions", "does not serve v1alpha1"},
		"no injection":    {func(w world) { delete(w, "mutating") }, Fail, "webhooks", "no pod gets a sidecar"},
		"no verification": {func(w world) { delete(w, "validating") }, Fail, "webhooks", "without a sidecar"},
		"a webhook that fails open": {func(w world) {
			ignore := admissionv1.Ignore
			w["mutating"].(*admissionv1.MutatingWebhookConfiguration).Webhooks[0].FailurePolicy = &ignore
		}, Fail, "webhooks", "failurePolicy is Ignore"},
		"a webhook without authority": {func(w world) {
			w["validating"].(*admissionv1.ValidatingWebhookConfiguration).Webhooks[0].ClientConfig.CABundle = nil
		}, Fail, "webhooks", "caBundle is empty"},
		"a webhook with something else for an authority": {func(w world) {
			w["validating"].(*admissionv1.ValidatingWebhookConfiguration).Webhooks[0].ClientConfig.CABundle = []byte("x")
		}, Fail, "webhooks", "holds no certificate"},
		"an exemption that is not granted": {func(w world) {
			w["exemption"] = &v1alpha1.EnforcementExemption{ObjectMeta: metav1.ObjectMeta{Name: "rescue"}, Spec: v1alpha1.EnforcementExemptionSpec{Namespace: "marketing"}}
		}, Warn, "exemptions", "in namespace marketing everything stays enforced"},
		"a touchpoint that is not accepted": {func(w world) {
			w["touchpoint"] = &v1alpha1.Touchpoint{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "form"}, Status: v1alpha1.TouchpointStatus{
				Conditions: []metav1.Condition{{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionFalse, Reason: "NoticeNotFound", Message: "It does not exist."}},
			}}
		}, Fail, "touchpoints", "NoticeNotFound"},
		"a policy with a warning": {func(w world) {
			c := &w["policy"].(*v1alpha1.ConsentPolicy).Status.Conditions[0]
			c.Message = "Accepted. Warnings: spec.rules[0]: It is there twice."
		}, Warn, "policies", "with warnings: spec.rules[0]: It is there twice."},
		"no governed namespace":                        {func(w world) { delete(w, "marketing") }, Warn, "namespaces", "no namespace is governed"},
		"a mode that nobody knows":                     {func(w world) { w["marketing"] = namespace("marketing", "enforced") }, Warn, "namespaces", `"enforced", which is neither observe nor enforce`},
		"an empty mode":                                {func(w world) { w["marketing"] = namespace("marketing", "") }, Warn, "namespaces", `"", which is neither`},
		"a governed namespace that webhooks leave out": {func(w world) { w["system"] = namespace("kube-system", "enforce") }, Fail, "namespaces", "webhooks leave it out"},
		"a governed namespace where NET_ADMIN is forbidden": {func(w world) {
			w["marketing"].SetLabels(map[string]string{v1alpha1.LabelMode: "enforce", podSecurity: "restricted", inject.CaptureLabel: inject.CaptureRedirect})
		}, Fail, "namespaces", "Pod Security level restricted"},
		"a governed namespace where the capture needs no privileges": {func(w world) {
			w["marketing"].SetLabels(map[string]string{v1alpha1.LabelMode: "enforce", podSecurity: "restricted"})
		}, OK, "namespaces", "captured by Alias"},
		"a governed namespace without authorities": {func(w world) { delete(w, "trust marketing") }, Fail, "trust", "do not start"},
		"a ledger without authorities":             {func(w world) { delete(w, "trust consent") }, Fail, "trust", "does not exist"},
		"authorities that are none":                {func(w world) { w["trust marketing"].(*corev1.ConfigMap).Data = nil }, Fail, "trust", "is empty"},
		"a ledger that does not serve": {func(w world) {
			w["ledger"].(*v1alpha1.ConsentLedger).Status.Conditions = append(not("Ready", "Unavailable", "It does not answer."), is("Accepted", "KeysBackedUp")...)
		}, Fail, "ledgers", "(Unavailable): It does not answer."},
		"a ledger that is one too many": {func(w world) {
			w["ledger"].(*v1alpha1.ConsentLedger).Status.Conditions = append(not("Ready", "NotAccepted", "x"), append(not("Accepted", "ControllerConflict", "There is another."), is("KeysBackedUp")...)...)
		}, Fail, "ledgers", "There is another."},
		"a root key that nobody stored": {func(w world) {
			w["ledger"].(*v1alpha1.ConsentLedger).Status.Conditions = is("Accepted", "Ready")
		}, Warn, "ledgers", "root key exists in this cluster only"},
		"a purpose that is not accepted": {func(w world) {
			w["purpose"].(*v1alpha1.DataPurpose).Status.Conditions = not("Accepted", "NotLawful", "No.\nNever.")
		}, Fail, "purposes", "(NotLawful): No. Never."},
		"a service that is not accepted": {func(w world) {
			w["service"].(*v1alpha1.DataService).Status.Conditions = not("Accepted", "HostConflict", "Twice.")
		}, Fail, "services", "HostConflict"},
		"a policy that is not accepted": {func(w world) {
			w["policy"].(*v1alpha1.ConsentPolicy).Status.Conditions = not("Accepted", "PurposeNotFound", "Create it.")
		}, Fail, "policies", "PurposeNotFound"},
		"a policy that nobody has looked at": {stale, Warn, "policies", "since its last change"},
		"a sidecar that is behind": {func(w world) {
			c := w["config"].(*v1alpha1.SidecarConfig)
			c.Status.InSync, c.Status.Conditions = 0, not("Programmed", "SidecarsBehind", "0 of 1.")
		}, Fail, "sidecars-in-sync", "Deployment/mailer has 0 of 1 sidecars in sync (SidecarsBehind)"},
		"a pod from before the label": {func(w world) {
			w["old"] = pod("marketing", "old-5d4f-x", "ReplicaSet", "old-5d4f")
		}, Fail, "pods", "pod old-5d4f-x without a sidecar"},
		"a pod of nobody": {func(w world) { w["old"] = pod("marketing", "bare", "", "") }, Fail, "pods", "pod bare without a sidecar"},
		"an unseen pod of an observing namespace": {func(w world) {
			w["marketing"], w["old"] = namespace("marketing", "observe"), pod("marketing", "bare", "", "")
		}, Warn, "pods", "nothing that it sends is seen"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tt.change(w)
			checks := examine(t, w, DoctorOptions{})
			if Failed(checks) != (tt.level == Fail) {
				t.Errorf("failed: %t", Failed(checks))
			}
			seen := false
			for _, c := range checks {
				if c.Level != OK && c.Do == "" {
					t.Errorf("%q does not say what to do", c.What)
				}
				if strings.Contains(c.What, "\n") {
					t.Errorf("%q is more than one line", c.What)
				}
				seen = seen || (c.Level == tt.level && c.Name == tt.check && strings.Contains(c.What, tt.what))
			}
			if !seen {
				t.Errorf("nothing like %s, %s, %q in %+v", tt.level, tt.check, tt.what, checks)
			}
		})
	}
}

func TestDoctorLeavesOut(t *testing.T) {
	for name, change := range map[string]func(world){
		"pods that are over": func(w world) {
			p := pod("marketing", "done", "", "")
			p.Status.Phase = corev1.PodSucceeded
			w["done"] = p
		},
		"pods where nothing is governed": func(w world) { w["other"] = pod("free", "other", "", "") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			change(w)
			if checks := examine(t, w, DoctorOptions{}); Failed(checks) {
				t.Errorf("%+v", checks)
			}
		})
	}
}

func TestDoctorKeepsToOneNamespace(t *testing.T) {
	w := newWorld(t)
	w["sales"] = namespace("sales", "enforce")
	w["bare"] = pod("sales", "bare", "", "")
	if !Failed(examine(t, w, DoctorOptions{})) || Failed(examine(t, w, DoctorOptions{Namespace: "marketing"})) {
		t.Error("the other namespace was looked at, or never is")
	}
	checks := examine(t, w, DoctorOptions{Namespace: "free"})
	if !slices.ContainsFunc(checks, func(c Check) bool { return c.Level == Warn && strings.Contains(c.What, "free is not governed") }) {
		t.Errorf("%+v", checks)
	}
}

func TestDoctorAndTheVersionOfKubernetes(t *testing.T) {
	for version, want := range map[string]Level{"v1.32.9": Fail, "v1.33.0": OK, "v1.33.0-gke.100": OK, "v1.40.1+k3s1": OK, "x": Warn} {
		if checks := examine(t, newWorld(t), DoctorOptions{Version: runs(version)}); checks[0].Level != want {
			t.Errorf("%s: %+v", version, checks[0])
		}
	}
	away := func() (*version.Info, error) { return nil, errors.New("connection refused") }
	if _, err := Doctor(t.Context(), newWorld(t).client(), DoctorOptions{Version: away}); err == nil {
		t.Error("a cluster that does not answer is no error")
	}
}

func TestChecksAreOneLineEach(t *testing.T) {
	checks := examine(t, newWorld(t), DoctorOptions{})
	var out bytes.Buffer
	if err := PrintChecks(&out, append(checks, Check{Level: Fail, Object: "Pod a/b", What: "it is wrong", Do: "mend it"})); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "\n"); got != len(checks)+2 {
		t.Errorf("%d lines:\n%s", got, out.String())
	}
	if !strings.Contains(out.String(), "fail  Pod a/b: it is wrong -> mend it\n") || !strings.Contains(out.String(), "1 failed") {
		t.Error(out.String())
	}
}
