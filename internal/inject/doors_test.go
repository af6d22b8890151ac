package inject

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestDoorsAreClosedUnlessTheNamespaceOpensThem: neither a pod nor an application team does.
func TestDoorsAreClosedUnlessTheNamespaceOpensThem(t *testing.T) {
	for value, want := range map[string][]string{
		"": nil, "authzen": {"--authzen", "127.0.0.1:15021"}, "ext-authz": {"--ext-authz", "127.0.0.1:15022"},
		"all": {"--authzen", "127.0.0.1:15021", "--ext-authz", "127.0.0.1:15022"}, "ALL": nil, "yes": nil,
	} {
		ns := Namespace{Name: "marketing", Labels: map[string]string{ModeLabel: ModeEnforce}}
		if value != "" {
			ns.Labels[DoorsLabel] = value
		}
		pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app:1"}}}}
		pod.Labels, pod.Annotations = map[string]string{DoorsLabel: "all"}, map[string]string{DoorsLabel: "all"}
		out, _ := Inject(pod, ns, Config{Image: "optup/sidecar:1", ManagerURL: "https://manager"})
		args := find(out.Spec.InitContainers, SidecarName).Args
		var got []string
		for i, a := range args {
			if a == "--authzen" || a == "--ext-authz" {
				got = append(got, a, args[i+1])
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v", value, got)
		}
		if again, _ := Inject(out, ns, Config{Image: "optup/sidecar:1", ManagerURL: "https://manager"}); !slices.Equal(find(again.Spec.InitContainers, SidecarName).Args, args) {
			t.Errorf("%q: injecting again changes the sidecar", value)
		}
	}
}
