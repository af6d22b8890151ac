package manager

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/optup/optup/internal/inject"
)

// TestAPodThatOnlyLooksLikeOneWithASidecarHasNone: the directory, which tells sidecars everything, and whoever counts them read this cache.
func TestAPodThatOnlyLooksLikeOneWithASidecarHasNone(t *testing.T) {
	o := Options{Namespace: "optup-system", SidecarImage: "registry.example/optup-sidecar:2"}
	injected, report := inject.Inject(&corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}}},
		inject.Namespace{Name: "shop", Labels: map[string]string{inject.ModeLabel: inject.ModeEnforce}}, o.sidecar())
	if len(report.Refusals) > 0 {
		t.Fatal(report.Refusals)
	}
	always := corev1.ContainerRestartPolicyAlways
	impostor := &corev1.Pod{Spec: corev1.PodSpec{InitContainers: []corev1.Container{{Name: inject.SidecarName, Image: "evil/sidecar", RestartPolicy: &always}}}}
	for pod, want := range map[*corev1.Pod]bool{injected: true, impostor: false} {
		got, err := slimPod(o.sidecar())(pod)
		if err != nil {
			t.Fatal(err)
		}
		if got, err = slimPod(o.sidecar())(got); err != nil { // which caches may do
			t.Fatal(err)
		}
		if inject.Injected(got.(*corev1.Pod)) != want {
			t.Errorf("%+v", got)
		}
	}
}
