package inject

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// around are the capabilities that containers have by default and with which an application leaves the redirection: it becomes the
// sidecar's user, or sends packets that no rule sees.
var around = []corev1.Capability{"SETUID", "SETGID", "NET_RAW"}

// Cooperative says what lets an application get around its sidecar: sentences about the final pod, none for a pod whose sidecar is a
// boundary within it.
func Cooperative(s *corev1.PodSpec) []string {
	var out []string
	pod := s.SecurityContext
	for _, p := range foreign(s) {
		if sentence := p.cooperative(pod != nil && isTrue(pod.RunAsNonRoot)); sentence != "" {
			out = append(out, fmt.Sprintf("Cooperative: %s %q %s", p.sort, p.name, sentence))
		}
	}
	for _, v := range s.Volumes {
		if v.HostPath != nil {
			out = append(out, fmt.Sprintf("Cooperative: volume %q is a path of the host, through which the app can reach other pods; "+
				"use another kind of volume", v.Name))
		}
	}
	if d := s.DNSConfig; d != nil && len(d.Nameservers)+len(d.Searches) > 0 {
		out = append(out, "Cooperative: dnsConfig chooses who tells the sidecar where governed hosts are; leave name servers and search domains to the cluster")
	}
	if s.DNSPolicy == corev1.DNSDefault || s.DNSPolicy == corev1.DNSNone {
		out = append(out, fmt.Sprintf("Cooperative: with dnsPolicy %s the cluster's name servers do not tell the sidecar where governed hosts are; "+
			"use ClusterFirst", s.DNSPolicy))
	}
	return out
}

// cooperative: a container is bound where it can have none of the capabilities, or where it is not root and can become nobody else.
func (p part) cooperative(nonRoot bool) string {
	var caps corev1.Capabilities
	confined := false
	if sc := p.security; sc != nil {
		if sc.RunAsNonRoot != nil {
			nonRoot = *sc.RunAsNonRoot
		}
		confined = sc.AllowPrivilegeEscalation != nil && !*sc.AllowPrivilegeEscalation
		if sc.Capabilities != nil {
			caps = *sc.Capabilities
		}
	}
	var has, added []string
	for _, c := range around {
		switch {
		case lists(caps.Add, c):
			added = append(added, string(c))
		case !lists(caps.Drop, c) && !lists(caps.Drop, "ALL"):
			has = append(has, string(c))
		}
	}
	switch {
	case len(added) > 0:
		return fmt.Sprintf("adds %s, with which it can get around the sidecar; remove that", strings.Join(added, " and "))
	case len(has) == 0 || (nonRoot && confined):
		return ""
	case nonRoot:
		return fmt.Sprintf("may become root by a program of its image, and with %s get around the sidecar; "+
			"set allowPrivilegeEscalation to false, or drop the capabilities", strings.Join(has, " and "))
	default:
		return fmt.Sprintf("may run as root, and with %s become the sidecar's user or send packets that no rule sees; "+
			"set runAsNonRoot and allowPrivilegeEscalation: false, or drop the capabilities", strings.Join(has, " and "))
	}
}

func lists(of []corev1.Capability, c corev1.Capability) bool {
	return slices.ContainsFunc(of, func(x corev1.Capability) bool { return plain(x) == c })
}

// plain is a capability's name without the prefix that some write, in upper case.
func plain(c corev1.Capability) corev1.Capability {
	return corev1.Capability(strings.TrimPrefix(strings.ToUpper(string(c)), "CAP_"))
}

func isTrue(b *bool) bool { return b != nil && *b }
