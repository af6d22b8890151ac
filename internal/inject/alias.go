package inject

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// aliases are the addresses that stand for governed hosts under Alias: 127.64.0.0/10.
var aliases = netip.MustParsePrefix("127.64.0.0/10")

const (
	lowPorts     = "net.ipv4.ip_unprivileged_port_start"
	everyPortLow = "0"
)

// alias is a governed host and the address that stands for it.
type alias struct {
	address netip.Addr
	host    string
}

// aliasable tells whether a host is a name, which a file of hosts can give an address to.
func aliasable(host string) bool {
	_, err := netip.ParseAddr(host)
	return err != nil && host != ""
}

// assign gives every host an address, sorted by host. A host keeps its address whatever other hosts there are, unless two want the same.
func assign(hosts []string) []alias {
	sorted := slices.Compact(slices.Sorted(slices.Values(hosts)))
	taken := map[netip.Addr]bool{}
	var out []alias
	for _, h := range sorted {
		if !aliasable(h) {
			continue
		}
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(h))
		n := hash.Sum32() & 0x003fffff
		for taken[aliasAddress(n)] || n&0xff == 0 || n&0xff == 0xff {
			n = (n + 1) & 0x003fffff
		}
		taken[aliasAddress(n)] = true
		out = append(out, alias{aliasAddress(n), h})
	}
	return out
}

func aliasAddress(n uint32) netip.Addr {
	base := aliases.Addr().As4()
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(base[:])|n)))
}

// flags are the sidecar's.
func (a alias) flags() []string { return []string{"--alias", a.address.String() + "=" + a.host} }

// withAliases has the names of the hosts lead to their addresses, before whatever else the pod says about names, and lets the sidecar, which
// has no privilege, listen on low ports.
func withAliases(s *corev1.PodSpec, hosts []string) {
	var own []corev1.HostAlias
	for _, a := range assign(hosts) {
		own = append(own, corev1.HostAlias{IP: a.address.String(), Hostnames: []string{a.host}})
	}
	s.HostAliases = append(own, slices.DeleteFunc(s.HostAliases, func(h corev1.HostAlias) bool { return ours(h) })...)
	if len(s.HostAliases) == 0 {
		s.HostAliases = nil
	}
	if s.SecurityContext == nil {
		s.SecurityContext = &corev1.PodSecurityContext{}
	}
	if !slices.ContainsFunc(s.SecurityContext.Sysctls, func(x corev1.Sysctl) bool { return x.Name == lowPorts }) {
		s.SecurityContext.Sysctls = append(s.SecurityContext.Sysctls, corev1.Sysctl{Name: lowPorts, Value: everyPortLow})
	}
}

func ours(h corev1.HostAlias) bool {
	a, err := netip.ParseAddr(h.IP)
	return err == nil && aliases.Contains(a)
}

// refuseAliases finds what the pod says about names and ports that Alias depends on.
func refuseAliases(s *corev1.PodSpec, ns Namespace, refuse func(string, ...any)) {
	for _, h := range s.HostAliases {
		if ours(h) {
			continue
		}
		for _, name := range h.Hostnames {
			if slices.Contains(ns.Hosts, name) {
				refuse("hostAliases must not give %s another address, for it is governed and its name leads to the sidecar; remove it", name)
			}
		}
	}
	if p := s.SecurityContext; p != nil {
		for _, x := range p.Sysctls {
			if x.Name == lowPorts && x.Value != everyPortLow {
				refuse("sysctl %s must be %s, so that the sidecar can listen where governed hosts do, and not %s", x.Name, everyPortLow, cmp.Or(x.Value, "empty"))
			}
		}
	}
}
