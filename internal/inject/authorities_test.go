package inject

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// intercepted is a namespace in which TLS to some host ends in the sidecar.
var intercepted = Namespace{Name: "marketing", Labels: map[string]string{ModeLabel: ModeEnforce}, Intercepted: true}

func env(c *corev1.Container, name string) string {
	for _, v := range c.Env {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// TestApplicationsTrustWhatEndsTheirTLS: the init containers, too, and nothing where no TLS ends.
func TestApplicationsTrustWhatEndsTheirTLS(t *testing.T) {
	out, report := Inject(pod(), intercepted, config)
	if len(report.Refusals)+len(report.Untrusting) > 0 {
		t.Fatalf("%+v", report)
	}
	for _, c := range []*corev1.Container{find(out.Spec.InitContainers, "migrate"), find(out.Spec.Containers, "app")} {
		for name, want := range map[string]string{
			"SSL_CERT_FILE": "/etc/optup/authorities/authorities.pem", "REQUESTS_CA_BUNDLE": "/etc/optup/authorities/authorities.pem",
			"NODE_EXTRA_CA_CERTS": "/etc/optup/authorities/interception.pem", "PHP_INI_SCAN_DIR": ":/etc/optup/authorities/php",
			"JAVA_TOOL_OPTIONS": javaTrust,
		} {
			if got := env(c, name); got != want {
				t.Errorf("%s: %s is %q", c.Name, name, got)
			}
		}
		if m := c.VolumeMounts[len(c.VolumeMounts)-1]; !equality.Semantic.DeepEqual(m, trusts()) {
			t.Errorf("%s mounts %+v", c.Name, m)
		}
	}
	side := find(out.Spec.InitContainers, SidecarName)
	if !strings.Contains(strings.Join(side.Args, " "), "--authorities /etc/optup/authorities") || env(side, "SSL_CERT_FILE") != "" {
		t.Errorf("the sidecar: %v %v", side.Args, side.Env)
	}
	again, _ := Inject(out, intercepted, config)
	if !equality.Semantic.DeepEqual(again, out) || len(Verify(out, intercepted, config)) > 0 {
		t.Error("injecting again changes the pod")
	}
	plain, _ := Inject(pod(), governed, config)
	if env(find(plain.Spec.Containers, "app"), "SSL_CERT_FILE") != "" || len(plain.Spec.Volumes) != len(out.Spec.Volumes)-2 {
		t.Error("where no TLS ends, what applications trust is changed")
	}
	if len(Verify(plain, intercepted, config)) == 0 {
		t.Error("a pod without the authorities passes where TLS ends")
	}
}

// TestWhatAContainerSetsStays, and is reported; but options of Java are a list.
func TestWhatAContainerSetsStays(t *testing.T) {
	with := func(vars ...corev1.EnvVar) (*corev1.Pod, Report) {
		p := pod(func(s *corev1.PodSpec) { s.Containers[0].Env = vars })
		out, report := Inject(p, intercepted, config)
		again, second := Inject(out, intercepted, config)
		if !equality.Semantic.DeepEqual(again, out) || strings.Join(second.Untrusting, "") != strings.Join(report.Untrusting, "") {
			t.Errorf("%v: injecting again changes the pod, or the report: %v", vars, second.Untrusting)
		}
		return out, report
	}
	out, report := with(corev1.EnvVar{Name: "SSL_CERT_FILE", Value: "/own.pem"}, corev1.EnvVar{Name: "NODE_EXTRA_CA_CERTS", ValueFrom: &corev1.EnvVarSource{
		ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "c"}, Key: "k"},
	}})
	app := find(out.Spec.Containers, "app")
	if env(app, "SSL_CERT_FILE") != "/own.pem" || env(app, "REQUESTS_CA_BUNDLE") == "" {
		t.Errorf("%v", app.Env)
	}
	if len(report.Untrusting) != 1 || !strings.Contains(report.Untrusting[0], `container "app" sets SSL_CERT_FILE, NODE_EXTRA_CA_CERTS itself`) {
		t.Errorf("%v", report.Untrusting)
	}
	out, report = with(corev1.EnvVar{Name: javaOptions, Value: "-Xmx1g"})
	if got := env(find(out.Spec.Containers, "app"), javaOptions); got != "-Xmx1g "+javaTrust || len(report.Untrusting) > 0 {
		t.Errorf("%q, %v", got, report.Untrusting)
	}
	out, report = with(corev1.EnvVar{Name: javaOptions, Value: "-Djavax.net.ssl.trustStore=/own.p12"})
	if got := env(find(out.Spec.Containers, "app"), javaOptions); strings.Contains(got, "optup") || len(report.Untrusting) != 1 {
		t.Errorf("%q, %v", got, report.Untrusting)
	}
}

// TestOnlyTheSidecarWritesWhatApplicationsTrust: another authority there would let somebody else end their TLS.
func TestOnlyTheSidecarWritesWhatApplicationsTrust(t *testing.T) {
	for name, change := range map[string]func(*corev1.PodSpec){
		"a mount that can be written": func(s *corev1.PodSpec) {
			s.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: AuthoritiesVolume, MountPath: authoritiesDir}}
		},
		"a mount somewhere else": func(s *corev1.PodSpec) {
			s.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: AuthoritiesVolume, MountPath: "/x", ReadOnly: true}}
		},
		"a mount in an ephemeral container": func(s *corev1.PodSpec) {
			s.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
				Name: "debug", Image: "x", VolumeMounts: []corev1.VolumeMount{{Name: AuthoritiesVolume, MountPath: authoritiesDir}},
			}}}
		},
		"a mount of the namespace's own": func(s *corev1.PodSpec) {
			s.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: PrivateVolume, MountPath: "/x"}}
		},
		"a volume of another sort": func(s *corev1.PodSpec) {
			s.Volumes = []corev1.Volume{{Name: AuthoritiesVolume, VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/etc"}}}}
		},
	} {
		p := pod(change)
		if _, report := Inject(p, intercepted, config); len(report.Refusals) == 0 {
			t.Errorf("%s is not refused", name)
		}
	}
	p := pod(func(s *corev1.PodSpec) { s.Volumes = []corev1.Volume{authoritiesVolume()} })
	if _, report := Inject(p, governed, config); len(report.Refusals) == 0 {
		t.Error("the volume's name is free where no TLS ends")
	}
}
