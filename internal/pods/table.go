package pods

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// Linger is how long an address counts that no pod has any more: the pod may run on a node that nobody can reach, or another replica of the
// manager knows less than the one before. A pod that gets the address meanwhile is refused for as long.
const Linger = 30 * time.Second

// Table finds the pods of an address. It is immutable; nil is one without pods.
type Table struct {
	byHost map[string]*held
	byAddr map[netip.Addr][]entry
	// incomplete tells that some host has more pods than are known.
	incomplete bool
}

// held is what is known of one host.
type held struct {
	set *Set
	// gone are addresses that the host has no more, with the entry that they had.
	gone map[netip.Addr]entry
}

// entry is one address as one of a host's.
type entry struct {
	host   string
	ports  []Port
	shared bool
	// until is when it counts no more; zero for one that is there.
	until time.Time
}

// With gives the table with some sets in the place of those that it has for their hosts.
func (t *Table) With(now time.Time, sets ...Set) *Table {
	out := map[string]*held{}
	if t != nil {
		maps.Copy(out, t.byHost)
	}
	for i := range sets {
		s := &sets[i]
		out[s.Host] = replaced(out[s.Host], s, now)
	}
	return build(out)
}

// Only gives the table with some of its hosts.
func (t *Table) Only(hosts []string) *Table {
	if t == nil {
		return nil
	}
	out := maps.Clone(t.byHost)
	maps.DeleteFunc(out, func(h string, _ *held) bool { return !slices.Contains(hosts, h) })
	if len(out) == len(t.byHost) {
		return t
	}
	return build(out)
}

// replaced keeps what a set has no more for a while, as long as that is not more than a set may have.
func replaced(before *held, s *Set, now time.Time) *held {
	out := &held{set: s, gone: map[netip.Addr]entry{}}
	if before == nil {
		return out
	}
	for a, e := range before.gone {
		if now.Before(e.until) {
			out.gone[a] = e
		}
	}
	before.each(func(a netip.Addr, e entry) {
		if len(out.gone) < MaxAddresses {
			e.until = now.Add(Linger)
			out.gone[a] = e
		}
	})
	out.each(func(a netip.Addr, _ entry) { delete(out.gone, a) })
	return out
}

// each gives the addresses that are there.
func (h *held) each(do func(netip.Addr, entry)) {
	for i := range h.set.Groups {
		g := &h.set.Groups[i]
		for _, a := range g.Addresses {
			do(a.Unmap(), entry{host: h.set.Host, ports: g.Ports, shared: g.Shared})
		}
	}
}

func build(byHost map[string]*held) *Table {
	t := &Table{byHost: byHost, byAddr: map[netip.Addr][]entry{}}
	add := func(a netip.Addr, e entry) { t.byAddr[a] = append(t.byAddr[a], e) }
	for _, host := range slices.Sorted(maps.Keys(byHost)) {
		h := byHost[host]
		t.incomplete = t.incomplete || h.set.Incomplete
		h.each(add)
		for a, e := range h.gone {
			add(a, e)
		}
	}
	return t
}

// Complete tells whether an address that Of knows nothing of is that of no pod.
func (t *Table) Complete() bool { return t == nil || !t.incomplete }

// Len is how many addresses are known, those included that count for a while.
func (t *Table) Len() int {
	if t == nil {
		return 0
	}
	return len(t.byAddr)
}

// Pod is what an address is for the hosts whose pod has it; nil for no pod.
type Pod []entry

// Of gives the pod of an address and port. Another port of a pod is the pod's, too, unless it is shared.
func (t *Table) Of(to netip.AddrPort, now time.Time) (out Pod) {
	if t == nil {
		return nil
	}
	for _, e := range t.byAddr[to.Addr().Unmap()] {
		if (e.until.IsZero() || now.Before(e.until)) && (!e.shared || e.targets(to.Port())) {
			out = append(out, e)
		}
	}
	return out
}

func (e *entry) targets(port uint16) bool {
	return slices.ContainsFunc(e.ports, func(p Port) bool { return p.Target == port })
}

// Where gives the pod for those hosts only for which that is true.
func (p Pod) Where(host func(string) bool) (out Pod) {
	for i := range p {
		if host(p[i].host) {
			out = append(out, p[i])
		}
	}
	return out
}

// Hosts are those whose pod it is.
func (p Pod) Hosts() []string {
	out := make([]string, 0, len(p))
	for i := range p {
		out = append(out, p[i].host)
	}
	return out
}

// Ports are those of the Service, named by a host, that a port of the pod stands for; none where it stands for none.
func (p Pod) Ports(host string, target uint16) (out []uint16) {
	for i := range p {
		for _, x := range p[i].ports {
			if p[i].host == host && x.Target == target {
				out = append(out, x.Port)
			}
		}
	}
	return out
}
