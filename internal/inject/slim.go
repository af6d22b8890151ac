package inject

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/optup/optup/internal/identity"
)

// Slim keeps of a pod whom it runs as, whether it has its node's network, and what CapturedBy and Cooperative look at: what a cache of all
// pods of a cluster needs. Of a pod without a sidecar next to nothing is left but the tokens that it shows to services.
func Slim(s *corev1.PodSpec) corev1.PodSpec {
	out := corev1.PodSpec{ServiceAccountName: s.ServiceAccountName, HostNetwork: s.HostNetwork}
	injected := find(s.InitContainers, SidecarName) != nil
	for _, c := range s.InitContainers {
		kept := corev1.Container{Name: c.Name}
		switch {
		case c.Name == SidecarName:
			kept.Args = c.Args
		case injected && !ownContainer(c.Name):
			kept.SecurityContext = c.SecurityContext
		}
		out.InitContainers = append(out.InitContainers, kept)
	}
	if !injected {
		for _, v := range s.Volumes {
			if callerToken(&v) {
				out.Volumes = append(out.Volumes, v)
			}
		}
		return out
	}
	for _, c := range s.Containers {
		out.Containers = append(out.Containers, corev1.Container{Name: c.Name, SecurityContext: c.SecurityContext})
	}
	for _, c := range s.EphemeralContainers {
		out.EphemeralContainers = append(out.EphemeralContainers, corev1.EphemeralContainer{
			EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: c.Name, SecurityContext: c.SecurityContext},
		})
	}
	for _, v := range s.Volumes {
		if v.HostPath != nil {
			out.Volumes = append(out.Volumes, v)
		}
	}
	out.DNSConfig, out.DNSPolicy = s.DNSConfig, s.DNSPolicy
	if s.SecurityContext != nil {
		out.SecurityContext = &corev1.PodSecurityContext{RunAsNonRoot: s.SecurityContext.RunAsNonRoot}
	}
	return out
}

// ShowsToken tells whether a pod is given a token that callers without a sidecar show to services.
func ShowsToken(s *corev1.PodSpec) bool {
	for i := range s.Volumes {
		if callerToken(&s.Volumes[i]) {
			return true
		}
	}
	return false
}

func callerToken(v *corev1.Volume) bool {
	return v.Projected != nil && slices.ContainsFunc(v.Projected.Sources, func(p corev1.VolumeProjection) bool {
		return p.ServiceAccountToken != nil && p.ServiceAccountToken.Audience == identity.ProviderAudience
	})
}
