package proxy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/peer"
)

// CallerTokenHeader carries the projected token of a caller without a sidecar. It never goes on to the application.
const CallerTokenHeader = "Optup-Caller-Token"

// provided is a service that the workload is.
type provided struct {
	*ir.Provided
	// port of the service.
	port    int
	callers map[callerName]int

	mu sync.Mutex
	// states are those of callers by their place, made when the first request comes; nobody's is at -1.
	states map[int]*State
}

type callerName struct{ namespace, workload string }

const nobody = -1

// arrival is a connection to a service that the workload provides.
type arrival struct {
	// dst is the address and port of the pod that the client dialled.
	dst netip.AddrPort
	// caller is who has proven to be at the other end; nil for somebody who has not, and why says what is missing.
	caller *peer.Peer
	why    string
	// token tells that the name was proven by a token.
	token bool
}

// provide prepares the services that the workload is.
func (s *State) provide() {
	b := s.Index.Bundle()
	if len(b.Provides) == 0 {
		return
	}
	s.provided = map[uint16]*provided{}
	for i := range b.Provides {
		for _, at := range b.Provides[i].Ports {
			p := &provided{Provided: &b.Provides[i], port: at.Port, callers: map[callerName]int{}, states: map[int]*State{}}
			for j := range p.Callers {
				p.callers[callerName{p.Callers[j].Namespace, p.Callers[j].Workload}] = j
			}
			s.provided[uint16(at.Target)] = p //nolint:gosec // a valid bundle holds ports
		}
	}
}

// of gives the state by which a caller's requests are decided.
func (p *provided) of(s *State, a *arrival) *State {
	at := nobody
	var caller *ir.Caller
	if a.caller != nil {
		if i, known := p.callers[callerName{a.caller.Name.Namespace, a.caller.Name.Workload}]; known {
			at, caller = i, &p.Callers[i]
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.states[at]
	if out == nil {
		b := p.Of(caller)
		out = &State{Index: decide.NewIndex(b), Generation: s.Generation, Facts: s.Facts, constants: constantHeaders(b)}
		p.states[at] = out
	}
	return out
}

// load gives the state in force for a request; nil if there is none.
func (x *exchange) load() *State {
	s := x.proxy.Current.Load()
	if s == nil || x.arrival == nil {
		return s
	}
	p := s.provided[x.arrival.dst.Port()]
	if p == nil {
		return nil // the service is none of the workload's any more
	}
	return p.of(s, x.arrival)
}

// Arrive takes a connection to the pod if it is to a service that the workload provides, and tells whether it did.
func (p *Proxy) Arrive(ctx context.Context, c net.Conn, dst netip.AddrPort) bool {
	s := p.Current.Load()
	if s == nil || s.provided[dst.Port()] == nil {
		return false
	}
	p.setup()
	pc := newPeeked(c)
	h, err := pc.hello(headTime) // nobody waits for a service that speaks first
	switch {
	case err != nil:
		_ = c.Close()
	case h.protocol == tlsHello:
		p.shake(ctx, pc, dst)
	case h.protocol == http1 && !h.proxied, h.protocol == http2, h.protocol == silent:
		p.Metrics.connection("caller-unproven")
		p.conns.give(p.targeted(pc, target{dst: dst, arrival: &arrival{dst: dst, why: "it shows no certificate"}}))
	default:
		p.Metrics.connection("refused")
		p.Metrics.refused(decide.BodyUnreadable, false)
		_ = c.Close()
	}
	return true
}

// shake shakes hands with a caller's sidecar. Other TLS is for nobody here.
func (p *Proxy) shake(ctx context.Context, c net.Conn, dst netip.AddrPort) {
	who := p.Current.Peers.Load()
	if who == nil {
		p.Metrics.connection("no-identity")
		_ = c.Close()
		return
	}
	conn, caller, err := who.Accept(ctx, c)
	if conn == nil {
		p.Metrics.connection("refused")
		p.Metrics.refused(decide.TLSRefused, false)
		_ = c.Close()
		return
	}
	a := &arrival{dst: dst}
	if err == nil {
		a.caller = &caller
		p.Metrics.connection("caller-proven")
	} else {
		// It is told why, by an answer to its first request.
		a.why = err.Error()
		p.Metrics.connection("caller-unproven")
		p.Logger.Warn("a caller has not proven who it is", "reason", err)
	}
	p.conns.give(p.targeted(conn, target{dst: dst, arrival: a}))
}

// arrive finds out who sends a request that came to the pod, and which service and port it is for.
func (x *exchange) arrive(t *target) {
	if t.arrival == nil {
		return
	}
	a := *t.arrival
	x.arrival, x.by = &a, x.proxy.local
	if a.caller != nil && !time.Now().Before(a.caller.Until) {
		a.caller, a.why = nil, "its certificate has expired"
		x.w.Header().Set("Connection", "close")
	}
	s := x.proxy.Current.Load()
	if s == nil || s.provided[a.dst.Port()] == nil {
		return
	}
	p := s.provided[a.dst.Port()]
	if a.caller == nil {
		x.token(p)
	}
	x.proxy.callers.note(p.Service.Name, &a, x.r.RemoteAddr)
	t.dst = netip.AddrPortFrom(a.dst.Addr(), uint16(p.port)) //nolint:gosec // a valid bundle holds ports
	// The application sees a declared name whatever the client calls it, as a probe does by the pod's address.
	t.host = p.Service.Hosts[0]
	if name := hostName(x.r.Host); slices.Contains(p.Service.Hosts, name) {
		t.host = name
	}
}

// token finds out who a caller without a sidecar is. A token names a service account and no workload, so it stands for one only if no
// other workload with rules runs as that account.
func (x *exchange) token(p *provided) {
	values, a := x.r.Header[CallerTokenHeader], x.arrival
	tokens := x.proxy.Current.Tokens.Load()
	switch {
	case len(values) == 0:
		return
	case len(values) > 1:
		a.why = "it shows several tokens"
		return
	case tokens == nil:
		a.why = "no token can be verified yet"
		return
	}
	who, err := tokens.Verify(values[0])
	switch {
	case err != nil:
		a.why = err.Error()
		return
	case who.PodUID == "":
		a.why = "its token is bound to no pod"
		return
	}
	found := peer.Name{Namespace: who.Namespace, Account: who.ServiceAccount}
	for i := range p.Callers {
		c := &p.Callers[i]
		if c.Namespace != who.Namespace || !slices.Contains(c.Accounts, who.ServiceAccount) {
			continue
		}
		if found.Workload != "" {
			a.why = "several workloads run as the service account of its token; give each its own"
			return
		}
		found.Workload = c.Workload
	}
	a.caller, a.token = &peer.Peer{Name: found, Until: who.Expires}, true
}

// withoutToken takes out the header with a caller's token, however it is spelled.
func withoutToken(h http.Header) {
	for name := range h {
		if folded(name) == CallerTokenHeader {
			delete(h, name)
		}
	}
}

// unidentified tells whether a request is denied because nobody knows who sent it. Nobody has rules, so everything else that is
// missing is missing for this.
func (x *exchange) unidentified(reason decide.Reason) bool {
	if x.arrival == nil || x.arrival.caller != nil {
		return false
	}
	switch reason {
	case "":
		return !x.endpoint.IR.NoPersonalData
	case decide.NoPolicy, decide.EndpointUnknown:
		return true
	default:
		return false
	}
}

// toApplication is the transport to the pod's own application: at the address that was dialled, or on loopback where it listens to
// nothing else, so that nobody reaches it by another way.
func (p *Proxy) toApplication(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Transport {
	t := p.transport.Clone()
	t.TLSClientConfig, t.ForceAttemptHTTP2 = nil, false
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, min(dialTimeout, p.stall))
		defer cancel()
		c, err := dial(ctx, network, addr)
		if errors.Is(err, syscall.ECONNREFUSED) {
			if at, bad := netip.ParseAddrPort(addr); bad == nil {
				c, err = dial(ctx, network, net.JoinHostPort(loopback(at.Addr()), strconv.Itoa(int(at.Port()))))
			}
		}
		if err != nil {
			return nil, err
		}
		return &progressing{Conn: direct(c), stall: p.stall}, nil
	}
	return t
}

func loopback(a netip.Addr) string {
	if a.Unmap().Is4() {
		return "127.0.0.1"
	}
	return "::1"
}
