package inject

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// TestASlimPodIsJudgedAsTheWholeOne: status is written from a cache that keeps no more of pods.
func TestASlimPodIsJudgedAsTheWholeOne(t *testing.T) {
	yes := true
	adds := &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_RAW"}}}
	for name, change := range map[string]func(*corev1.PodSpec){
		"confined":               func(*corev1.PodSpec) {},
		"root":                   func(s *corev1.PodSpec) { s.SecurityContext = nil },
		"an init container":      func(s *corev1.PodSpec) { s.InitContainers[0].SecurityContext = adds },
		"a container":            func(s *corev1.PodSpec) { s.Containers[0].SecurityContext = &corev1.SecurityContext{RunAsNonRoot: &yes} },
		"an ephemeral container": ephemeral("debug", adds),
		"a path of the host": func(s *corev1.PodSpec) {
			s.Volumes = []corev1.Volume{{Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}}}
		},
		"name servers":            func(s *corev1.PodSpec) { s.DNSConfig = &corev1.PodDNSConfig{Nameservers: []string{"192.0.2.53"}} },
		"the node's name servers": func(s *corev1.PodSpec) { s.DNSPolicy = corev1.DNSDefault },
	} {
		for _, ns := range []Namespace{governed, restricted, {Name: "marketing", Labels: governed.Labels, Inbound: true}} {
			out, report := Inject(pod(change), ns, config)
			if len(report.Refusals) > 0 {
				t.Fatal(report.Refusals)
			}
			slim := Slim(&out.Spec)
			if got := Cooperative(&slim); !slices.Equal(got, report.Cooperative) {
				t.Errorf("%s under %s: %q, and of the whole pod %q", name, ns.Capture(), got, report.Cooperative)
			}
			if got := CapturedBy(&slim); !equality.Semantic.DeepEqual(got, CapturedBy(&out.Spec)) || got.Capture != ns.Capture() {
				t.Errorf("%s under %s: captured %+v, and the whole pod %+v", name, ns.Capture(), got, CapturedBy(&out.Spec))
			}
		}
	}
	bare := pod()
	if slim := Slim(&bare.Spec); len(slim.Containers) > 0 || slim.InitContainers[0].SecurityContext != nil {
		t.Error("more is kept of a pod without a sidecar than its names")
	}
	shows := pod(func(s *corev1.PodSpec) {
		for _, audience := range []string{"vault", "optup-provider"} {
			s.Volumes = append(s.Volumes, corev1.Volume{Name: audience, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
				Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: audience, Path: "token"}}},
			}}})
		}
	})
	if slim := Slim(&shows.Spec); !ShowsToken(&slim) || len(slim.Volumes) != 1 || ShowsToken(&bare.Spec) {
		t.Errorf("of what a pod shows to services is left: %+v", slim.Volumes)
	}
}
