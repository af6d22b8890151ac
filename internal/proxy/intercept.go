package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/ir"
)

// alert is a fatal alert of TLS (RFC 8446 §6): all that a client is told whose handshake is not taken up.
type alert byte

const (
	// accessDenied is for what was decided.
	accessDenied alert = 49
	// unrecognizedName is for a name that is missing, encrypted, or not one of the host that was dialled.
	unrecognizedName alert = 112
)

func (a alert) send(c net.Conn) { _, _ = c.Write([]byte{0x15, 3, 3, 0, 2, 2, byte(a)}) }

// alertFor is what a client is told whose TLS is refused.
func alertFor(k class, h hello) alert {
	if k.governed && h.name != k.name || h.name == "" {
		return unrecognizedName
	}
	return accessDenied
}

// encrypted is what becomes of TLS to a governed host. It ends here if the client names a declared host, in the clear, on a port that is
// declared so. TLS that is declared to be refused ends here, too, so that the application can read why.
func (s *State) encrypted(c class, h hello) class {
	c.reason = decide.TLSRefused
	u, declared := s.upstreams[place{h.name, c.port}]
	switch {
	case declared && u.intercepted():
		c.verdict, c.reason, c.name = terminate, "", h.name
		return c
	case declared && u.encrypted && s.Index.DenyMode() != ir.ModeObserve:
		c.verdict, c.name = terminate, h.name
		return c
	}
	return s.observed(c)
}

// intercepted tells whether TLS to the declared port ends here.
func (u upstream) intercepted() bool { return u.encrypted && u.scheme == "https" }

// terminated takes up the TLS of a connection to a declared host; false if it has to be refused. With a handshake that fails the
// connection is over.
func (p *Proxy) terminated(ctx context.Context, pc *peeked, t target) bool {
	if p.Leaves == nil {
		return false
	}
	if _, err := p.Leaves.Leaf(t.host); err != nil {
		return false
	}
	under := p.targeted(pc, t)
	c := tls.Server(under, p.tls)
	ctx, cancel := context.WithTimeout(ctx, min(dialTimeout, p.stall))
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		if how, ok := intercept.Distrusts(err); ok {
			p.distrusted(t.host, how)
		} else {
			p.Metrics.handshake("failed")
		}
		_ = c.Close()
		return true
	}
	if c.ConnectionState().DidResume {
		p.Metrics.handshake("resumed")
		under.trusting = true
	} else {
		p.Metrics.handshake("full")
	}
	p.Metrics.connection("intercepted")
	p.conns.give(c)
	return true
}

// declared serves a connection that is to a declared host by its listener.
func (p *Proxy) declared(ctx context.Context, c net.Conn, t target) {
	s := p.Current.Load()
	if s == nil || !s.upstreams[place{t.host, int(t.dst.Port())}].encrypted {
		p.conns.give(p.targeted(c, t))
		return
	}
	keep := false
	defer p.closing(c, &keep)
	pc := newPeeked(c)
	h, err := pc.hello(headTime)
	if err != nil {
		return
	}
	if h.protocol != tlsHello {
		keep = true
		p.conns.give(p.targeted(pc, t)) // and told that this port is for TLS
		return
	}
	k := class{verdict: refuse, governed: true, name: t.host, port: int(t.dst.Port()), reason: decide.TLSRefused}
	if h.name == t.host {
		k = s.encrypted(k, h)
	}
	if keep = k.verdict == terminate && p.terminate(ctx, pc, s, &k, t); keep {
		return
	}
	if k.verdict == splice {
		p.Metrics.connection("spliced")
		p.Metrics.refused(k.reason, true)
		_ = relay(ctx, pc, p.dial, s.upstreams[place{t.host, int(t.dst.Port())}].addr)
		return
	}
	p.refuse(pc, s, k, h, t.dst)
}

// terminate ends TLS where that was decided, and tells whether it took the connection over. Else the class says what becomes of it.
func (p *Proxy) terminate(ctx context.Context, pc *peeked, s *State, k *class, t target) bool {
	if s.Index.DenyMode() == ir.ModeObserve && p.untrusting.recent(k.name, time.Now()) {
		k.verdict, k.reason = splice, decide.TLSRefused // observing does not break what pins certificates
		return false
	}
	t.host, t.encrypted = k.name, true
	if p.terminated(ctx, pc, t) {
		return true
	}
	k.reason = decide.TLSRefused
	*k = s.observed(*k)
	return false
}

// distrusted notes that an application does not accept our certificate: it pins the service's own, or has a trust store of its own.
func (p *Proxy) distrusted(host string, how intercept.Distrust) {
	p.Metrics.distrusted(host, how)
	if p.untrusting.note(host, time.Now()) {
		p.Logger.Warn("an application does not accept the sidecar's certificate; it has a trust store of its own, or pins the service's certificate", "host", host, "how", string(how))
	}
}

// connState follows connections whose TLS ended here: some clients look at the certificate after the handshake, and hang up.
func (p *Proxy) connState(c net.Conn, s http.ConnState) {
	x, ok := c.(*tls.Conn)
	if !ok {
		return
	}
	t, ok := x.NetConn().(*targeted)
	if !ok {
		return
	}
	switch s {
	case http.StateActive:
		t.trusting = true
	case http.StateClosed:
		if !t.trusting {
			p.distrusted(t.target.host, intercept.DistrustHangup)
		}
	case http.StateNew, http.StateIdle, http.StateHijacked:
	}
}

// rememberDistrust is how long TLS of an application that does not trust us passes where nothing is enforced.
const rememberDistrust = 10 * time.Minute

// distrust remembers which hosts' applications do not accept our certificates.
type distrust struct {
	any atomic.Bool
	mu  sync.Mutex
	at  map[string]time.Time
}

// note tells whether that is news.
func (d *distrust) note(host string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at == nil {
		d.at = map[string]time.Time{}
	}
	last, known := d.at[host]
	d.at[host] = now
	d.any.Store(true)
	return !known || now.Sub(last) > rememberDistrust
}

func (d *distrust) recent(host string, now time.Time) bool {
	if !d.any.Load() {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	last, known := d.at[host]
	return known && now.Sub(last) < rememberDistrust
}

// hosts are those whose applications did not accept our certificate lately, sorted.
func (d *distrust) hosts(now time.Time) (out []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for h, last := range d.at {
		if now.Sub(last) < rememberDistrust {
			out = append(out, h)
		}
	}
	slices.Sort(out)
	return out
}

// Untrusting lists the hosts on whose connections an application did not accept our certificate in the last ten minutes.
func (p *Proxy) Untrusting() []string { return p.untrusting.hosts(time.Now()) }

// asNamed tells whether a request whose connection was encrypted is for the host that the connection is for. Whatever else it says would
// be decided about as one host and read by another.
func asNamed(r *http.Request, t target) bool {
	port := int(t.dst.Port())
	name := r.Host
	if i := strings.IndexByte(name, ':'); i >= 0 {
		// Where the listener stands for one host, the application has a port of ours.
		if t.dst.Addr().IsValid() && !namesPort(name[i:], port) {
			return false
		}
		name = name[:i]
	}
	return strings.ToLower(strings.TrimSuffix(name, ".")) == t.host
}
