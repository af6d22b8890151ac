package inject

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestOnlyAGenuineSidecarIsTold: a container by the sidecar's name, in a pod that nobody has looked at, gets nothing by it.
func TestOnlyAGenuineSidecarIsTold(t *testing.T) {
	c := Config{Image: "registry.example:5000/optup/sidecar:2", ManagerURL: "https://optup-manager.optup-system.svc:9443"}
	ns := Namespace{Name: "shop", Labels: map[string]string{ModeLabel: ModeEnforce}}
	injected := func(change func(*corev1.PodSpec, *corev1.Container)) *corev1.Pod {
		pod, report := Inject(&corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}}}, ns, c)
		if len(report.Refusals) > 0 {
			t.Fatal(report.Refusals)
		}
		change(&pod.Spec, find(pod.Spec.InitContainers, SidecarName))
		return pod
	}
	for name, change := range map[string]func(*corev1.PodSpec, *corev1.Container){
		"as it is": func(*corev1.PodSpec, *corev1.Container) {},
		"another version": func(_ *corev1.PodSpec, x *corev1.Container) {
			x.Image = "registry.example:5000/optup/sidecar@sha256:00"
		},
		"a flag more": func(_ *corev1.PodSpec, x *corev1.Container) { x.Args = append(x.Args, "--capture", "alias") },
	} {
		if !Genuine(injected(change), c) {
			t.Errorf("%s: it is not told", name)
		}
	}
	volume := func(s *corev1.PodSpec, name string) *corev1.Volume {
		return &s.Volumes[slices.IndexFunc(s.Volumes, func(v corev1.Volume) bool { return v.Name == name })]
	}
	for name, change := range map[string]func(*corev1.PodSpec, *corev1.Container){
		"another image":                func(_ *corev1.PodSpec, x *corev1.Container) { x.Image = "evil/sidecar:2" },
		"an image of another registry": func(_ *corev1.PodSpec, x *corev1.Container) { x.Image = "registry.example:5001/optup/sidecar:2" },
		"another program":              func(_ *corev1.PodSpec, x *corev1.Container) { x.Command = []string{"/bin/sh"} },
		"another command":              func(_ *corev1.PodSpec, x *corev1.Container) { x.Args[0] = "check" },
		"another manager":              func(_ *corev1.PodSpec, x *corev1.Container) { x.Args[2] = "https://evil.example" },
		"another manager besides": func(_ *corev1.PodSpec, x *corev1.Container) {
			x.Args = append(x.Args, "--manager=https://evil.example")
		},
		"in another spelling": func(_ *corev1.PodSpec, x *corev1.Container) {
			x.Args = append(x.Args, "-manager", "https://evil.example")
		},
		"the same one twice": func(_ *corev1.PodSpec, x *corev1.Container) { x.Args = append(x.Args, "--manager", c.ManagerURL) },
		"other authorities":  func(_ *corev1.PodSpec, x *corev1.Container) { x.Args = append(x.Args, "--trust", "/tmp/ca.crt") },
		"a variable": func(_ *corev1.PodSpec, x *corev1.Container) {
			x.Env = append(x.Env, corev1.EnvVar{Name: "GODEBUG", Value: "x"})
		},
		"variables from elsewhere": func(_ *corev1.PodSpec, x *corev1.Container) { x.EnvFrom = []corev1.EnvFromSource{{}} },
		"names of the application's": func(_ *corev1.PodSpec, x *corev1.Container) {
			x.VolumeMounts = slices.DeleteFunc(x.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == hostsFile })
		},
		"another ConfigMap": func(s *corev1.PodSpec, _ *corev1.Container) { volume(s, TrustVolume).ConfigMap.Name = "theirs" },
		"other tokens": func(s *corev1.PodSpec, _ *corev1.Container) {
			volume(s, TokensVolume).VolumeSource = corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
		},
		"an application that has the tokens": func(s *corev1.PodSpec, _ *corev1.Container) {
			s.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: TokensVolume, MountPath: "/t"}}
		},
		"an application that has such a token": func(s *corev1.PodSpec, _ *corev1.Container) {
			v := *volume(s, TokensVolume).DeepCopy()
			v.Name = "theirs"
			s.Volumes = append(s.Volumes, v)
		},
		"no sidecar": func(s *corev1.PodSpec, _ *corev1.Container) { s.InitContainers = nil },
	} {
		if Genuine(injected(change), c) {
			t.Errorf("%s: it is told", name)
		}
	}
}
