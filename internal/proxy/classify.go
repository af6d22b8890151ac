package proxy

import (
	"net/netip"
	"strings"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/pods"
)

// verdict is what becomes of a connection.
type verdict int

const (
	refuse verdict = iota
	splice
	// parse speaks HTTP with the client, and decides about each request.
	parse
	// terminate ends the client's TLS, and then parses.
	terminate
)

// class is a connection's class.
type class struct {
	verdict  verdict
	governed bool
	reason   decide.Reason
	// name that was recognised, for metrics and messages; a declared one, or empty.
	name string
	// pod is that which the connection goes to, if it is a governed service's, and port that of the service.
	pod  pods.Pod
	port int
}

// classify decides about a connection by where it goes and by what the client said first.
func (s *State) classify(dst netip.AddrPort, h hello) class {
	x := s.Index
	names, pod, certain := s.namesOf(dst)
	governed := ""
	if x.Governs(h.name) {
		governed = h.name
	} else {
		for _, n := range names {
			if x.Governs(n) {
				governed = n
				break
			}
		}
	}
	if governed != "" {
		return s.governed(governed, dst, pod, h)
	}
	if !certain && !nameserver(dst) {
		// Name servers do not answer: where this goes cannot be told, and it may be a governed service.
		return s.observed(class{verdict: refuse, reason: decide.InternalError})
	}
	if h.proxied {
		// On a connection to a forward proxy each request may ask for another host.
		return s.observed(class{verdict: refuse, reason: decide.NotCanonical})
	}
	if h.protocol == http2 {
		// Names come with each request and not with the connection.
		if len(x.Bundle().Services) == 0 {
			return s.ungoverned(dst, h, names)
		}
		return class{verdict: parse}
	}
	return s.ungoverned(dst, h, names)
}

// governed: HTTP is parsed, within TLS where that is declared; everything else cannot be decided about.
func (s *State) governed(name string, dst netip.AddrPort, pod pods.Pod, h hello) class {
	c := class{verdict: refuse, governed: true, name: name, pod: pod, port: s.portOf(name, dst.Port(), pod), reason: decide.BodyUnreadable}
	switch {
	case pod != nil && s.Index.DenyMode() == ir.ModeObserve && s.Index.Service(name, c.port) == nil:
		// The declared host may have no such port, so where nothing is enforced it goes where it was going.
		c.verdict, c.reason = splice, decide.HostUndeclared
		return c
	case h.proxied:
		c.reason = decide.NotCanonical
	case h.protocol == http1, h.protocol == http2, h.protocol == silent:
		// A client that is slow to speak is heard out; one that waits for the server waits until its time is up.
		c.verdict, c.reason = parse, ""
		return c
	case h.protocol == tlsHello:
		return s.encrypted(c, h)
	}
	return s.observed(c)
}

// observed lets a refused connection pass where nothing is enforced.
func (s *State) observed(c class) class {
	c.verdict = refuse
	if s.Index.DenyMode() == ir.ModeObserve {
		c.verdict = splice
	}
	return c
}

func (s *State) ungoverned(dst netip.AddrPort, h hello, names []string) class {
	u := s.Index.Bundle().Ungoverned
	switch u.Action {
	case ir.UngovernedObserve:
		return class{verdict: splice}
	case ir.UngovernedAllow:
		if allowed(u.Hosts, dst.Addr(), h.name, names) {
			return class{verdict: splice}
		}
	case ir.UngovernedDeny:
	}
	if nameserver(dst) {
		return class{verdict: splice}
	}
	return s.observed(class{verdict: refuse, reason: decide.HostUndeclared})
}

// allowed tells whether a list lets a destination pass: by its address, by a declared name that has this address, or by the name
// that the client asked for.
func allowed(hosts []string, addr netip.Addr, asked string, names []string) bool {
	for _, h := range hosts {
		if p, err := netip.ParsePrefix(h); err == nil {
			if p.Contains(addr.Unmap()) {
				return true
			}
			continue
		}
		if a, err := netip.ParseAddr(h); err == nil && a.Unmap() == addr.Unmap() {
			return true
		}
		if suffix, ok := strings.CutPrefix(h, "*"); ok {
			if asked != "" && strings.HasSuffix(asked, suffix) {
				return true
			}
			continue
		}
		if asked == h {
			return true
		}
		for _, n := range names {
			if n == h {
				return true
			}
		}
	}
	return false
}
