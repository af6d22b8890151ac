package inject

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// escapes are capabilities with which an app could undo the redirection or take over the sidecar.
var escapes = []corev1.Capability{
	"ALL", "NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF",
}

// part is one container of any sort.
type part struct {
	sort, name string
	security   *corev1.SecurityContext
	mounts     []corev1.VolumeMount
	// target is the container whose processes an ephemeral one sees.
	target string
}

// foreign are the containers that are not ours.
func foreign(s *corev1.PodSpec) []part {
	var out []part
	for _, c := range s.InitContainers {
		if !ownContainer(c.Name) {
			out = append(out, part{"init container", c.Name, c.SecurityContext, c.VolumeMounts, ""})
		}
	}
	for _, c := range s.Containers {
		out = append(out, part{"container", c.Name, c.SecurityContext, c.VolumeMounts, ""})
	}
	for _, c := range s.EphemeralContainers {
		out = append(out, part{"ephemeral container", c.Name, c.SecurityContext, c.VolumeMounts, c.TargetContainerName})
	}
	return out
}

func refusals(pod *corev1.Pod, ns Namespace, c Config) []string {
	var out []string
	s := &pod.Spec
	refuse := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if s.HostNetwork {
		refuse("the pod must not use the host's network, which no sidecar can guard; set hostNetwork to false")
	}
	if s.HostPID {
		refuse("the pod must not see the host's processes; set hostPID to false")
	}
	if s.ShareProcessNamespace != nil && *s.ShareProcessNamespace {
		refuse("the pod's containers must not share processes with the sidecar; set shareProcessNamespace to false")
	}
	if p := s.SecurityContext; p != nil {
		if reserved(p.RunAsUser) || reserved(p.RunAsGroup) || reserved(p.FSGroup) || slices.Contains(p.SupplementalGroups, ReservedID) {
			refuse("the pod must not use user or group %d, which is reserved for the sidecar; choose another", ReservedID)
		}
	}
	for _, p := range foreign(s) {
		refusePart(p, refuse)
	}
	if ns.Capture() == Alias {
		refuseAliases(s, ns, refuse)
	}
	refuseMeshes(pod, ns, refuse)
	refuseLookAlikes(s, ns, c, refuse)
	refuseTokens(s, refuse)
	return out
}

func refusePart(p part, refuse func(string, ...any)) {
	if ownContainer(p.name) {
		refuse("%s %q has a name that is reserved for OptUp; rename it", p.sort, p.name)
	}
	for _, m := range p.mounts {
		refuseAuthorities(p, m, refuse)
		if ownVolume(m.Name) && m.Name != AuthoritiesVolume {
			refuse("%s %q must not mount volume %q, which is the sidecar's", p.sort, p.name, m.Name)
		}
	}
	if ownContainer(p.target) {
		refuse("%s %q must not look into the processes of %s; choose another target, or none", p.sort, p.name, p.target)
	}
	sc := p.security
	if sc == nil {
		return
	}
	if reserved(sc.RunAsUser) || reserved(sc.RunAsGroup) {
		refuse("%s %q must not use user or group %d, which is reserved for the sidecar; choose another", p.sort, p.name, ReservedID)
	}
	if sc.Privileged != nil && *sc.Privileged {
		refuse("%s %q must not be privileged; a privileged container can remove the sidecar", p.sort, p.name)
	}
	if sc.Capabilities != nil {
		for _, a := range sc.Capabilities.Add {
			if slices.Contains(escapes, plain(a)) {
				refuse("%s %q must not add capability %s, with which it could get around the sidecar", p.sort, p.name, a)
			}
		}
	}
}

// refuseLookAlikes finds parts under our names that are not ours.
func refuseLookAlikes(s *corev1.PodSpec, ns Namespace, c Config, refuse func(string, ...any)) {
	own := ownContainers(ns, c)
	for _, x := range s.InitContainers {
		if ownContainer(x.Name) && find(own, x.Name) == nil {
			refuse("init container %q has no place in a namespace whose pods are captured by %s; remove it", x.Name, ns.Capture())
		}
	}
	for _, want := range own {
		n := 0
		for _, x := range s.InitContainers {
			if x.Name == want.Name {
				n++
				if !sameButResources(x, want) {
					refuse("init container %q differs from the one that OptUp injects; remove it, it is added by itself", x.Name)
				}
			}
		}
		if n > 1 {
			refuse("init container %q is there %d times; remove all, it is added by itself", want.Name, n)
		}
	}
	wanted := volumes(ns)
	for _, v := range s.Volumes {
		if ownVolume(v.Name) && !slices.ContainsFunc(wanted, func(want corev1.Volume) bool { return equality.Semantic.DeepEqual(v, want) }) {
			refuse("volume %q differs from the one that OptUp injects; remove it, it is added by itself", v.Name)
		}
	}
}

func refuseTokens(s *corev1.PodSpec, refuse func(string, ...any)) {
	for _, v := range s.Volumes {
		if ownVolume(v.Name) || v.Projected == nil {
			continue
		}
		for _, p := range v.Projected.Sources {
			if p.ServiceAccountToken != nil && p.ServiceAccountToken.Audience == ManagerAudience {
				refuse("volume %q must not project a token for %s, with which the app could pose as its sidecar", v.Name, ManagerAudience)
			}
		}
	}
}

func reserved(id *int64) bool { return id != nil && *id == ReservedID }
