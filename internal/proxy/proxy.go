package proxy

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/pods"
	"github.com/optup/optup/internal/proxy/insert"
	"github.com/optup/optup/internal/uses"
)

// Proxy takes connections and serves them by the state in force. Set its fields before the first Serve.
type Proxy struct {
	Current *Current
	Metrics *Metrics
	// Original gives the destination that a client dialled before its connection was redirected. It fails for a connection that
	// was not redirected.
	Original func(net.Conn) (netip.AddrPort, error)
	// Inbound takes connections that were made to the pod, by the address and port that their client dialled. It tells whether it took
	// the connection, and closes it then; false passes it on as it is. It does not read from one that it does not take, and whatever it
	// cannot tell it takes and closes. Nil takes none.
	Inbound func(ctx context.Context, c net.Conn, dst netip.AddrPort) bool
	Logger  *slog.Logger
	// Uses takes the records of what is decided about people; nil for none. Tracer makes traces; nil for none.
	Uses   *uses.Recorder
	Tracer trace.Tracer
	// Dial replaces the dialer to declared services; nil for the network. An Unreachable is told to the caller.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Credentials are what is inserted into requests to services that have one; nil for none, so that those services are denied.
	Credentials *credential.Store
	// Roots are those that services' certificates are verified with; nil for the system's, or those of Mozilla where it has none.
	Roots *x509.CertPool
	// Leaves are what TLS is ended with; nil refuses all TLS.
	Leaves intercept.Source
	// StallTime is how long a peer may make no progress within a message, and a service until it takes a connection and until it begins
	// its answer; 0 for a minute.
	StallTime time.Duration
	// Tell tells ledgers what people said by callbacks; nil where nobody can be told, and then such calls are to be tried again.
	Tell Tell

	// stall is StallTime, unless a test says otherwise.
	stall time.Duration
	// held bounds the bodies that are held at once.
	held budget
	// now is the clock for signed times; nil for the machine's.
	now   func() time.Time
	calls callSide

	once      sync.Once
	server    *http.Server
	conns     *handoff
	dial      dialer
	transport *http.Transport
	// private are the transports to services with authorities of their own.
	private transports
	// tls is one for all connections, so that sessions resume.
	tls        *tls.Config
	untrusting distrust
	inserting  insert.Source
	local      *http.Transport
	peers      atomic.Pointer[peers]
	callers    callers
	wg         sync.WaitGroup
}

// target is where a connection goes: what a handler knows about its connection.
type target struct {
	dst netip.AddrPort
	// host is set where the listener stands for one declared host and port, so that no header decides, and where the connection's TLS
	// names one.
	host string
	// encrypted tells that the connection's TLS ended here.
	encrypted bool
	// arrival is set for a connection to a service that the workload provides.
	arrival *arrival
	// pod is that which dst was when the connection was made, if it was a governed service's. It is that for as long as the connection lasts.
	pod pods.Pod
}

type targetKey struct{}

func (p *Proxy) setup() {
	p.once.Do(func() {
		if p.Logger == nil {
			p.Logger = slog.Default()
		}
		if p.dial = p.Dial; p.dial == nil {
			p.dial = complete((&net.Dialer{}).DialContext, clusterDomain())
		}
		if p.stall == 0 {
			p.stall = cmp.Or(p.StallTime, stallTime)
		}
		if p.held.most == 0 {
			p.held.most = maxHeld
		}
		p.transport = p.toward(p.Roots)
		p.private.make = func(roots *x509.CertPool) *http.Transport { return p.toward(roots) }
		if p.Leaves != nil {
			p.tls = intercept.ServerConfig(p.Leaves)
		}
		p.inserting.Values, p.inserting.RoundTrip, p.inserting.Asked = p.Credentials, p.askForToken, p.askedForToken
		p.local = p.toApplication(p.dial)
		p.conns = newHandoff()
		p.server = p.newServer(p.handle)
		p.server.ConnState = p.connState
		go func() { _ = p.server.Serve(p.conns) }()
	})
}

// ServeRedirected serves connections that the network redirected to l, until ctx ends.
func (p *Proxy) ServeRedirected(ctx context.Context, l net.Listener) error {
	return p.serve(ctx, l, func(c net.Conn) { p.redirected(ctx, c) })
}

// ServeHost serves connections to l as such to one declared host ("name:port"), until ctx ends.
func (p *Proxy) ServeHost(ctx context.Context, l net.Listener, host string, port uint16) error {
	return p.serve(ctx, l, func(c net.Conn) { p.declared(ctx, c, target{dst: netip.AddrPortFrom(netip.Addr{}, port), host: host}) })
}

func (p *Proxy) serve(ctx context.Context, l net.Listener, each func(net.Conn)) error {
	p.setup()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			time.Sleep(10 * time.Millisecond) // out of descriptors; accepting goes on
			continue
		}
		p.wg.Go(func() { each(c) })
	}
}

// Shutdown lets requests that have begun end, until ctx does.
func (p *Proxy) Shutdown(ctx context.Context) error {
	p.setup()
	err := p.server.Shutdown(ctx)
	p.transport.CloseIdleConnections()
	p.private.close()
	if in := p.calls.proxy.Load(); in != nil {
		err = errors.Join(err, in.Shutdown(ctx))
	}
	if p.local != nil { // the part that serves callbacks has none
		p.local.CloseIdleConnections()
	}
	p.peers.Load().close()
	return err
}

// redirected classifies one connection. Whatever goes wrong closes it.
func (p *Proxy) redirected(ctx context.Context, c net.Conn) {
	keep := false
	defer p.closing(c, &keep)
	dst, err := p.Original(c)
	if err != nil {
		p.Metrics.connection("not-redirected")
		return
	}
	s := p.Current.Load()
	if s == nil {
		p.Metrics.connection("no-bundle")
		return
	}
	pc := newPeeked(c)
	h, err := pc.hello(peekTime)
	if err != nil {
		return
	}
	k := s.classify(dst, h)
	if h.protocol == silent && k.verdict == parse && s.upstreams[place{k.name, k.port}].encrypted {
		// A client that is slow to begin its TLS is heard out, too.
		if h, err = pc.hello(headTime); err != nil {
			return
		}
		k = s.classify(dst, h)
	}
	if keep = k.verdict == terminate && p.terminate(ctx, pc, s, &k, target{dst: dst, pod: k.pod}); keep {
		return
	}
	switch k.verdict {
	case parse:
		keep = true
		p.Metrics.connection("governed")
		p.conns.give(p.targeted(pc, target{dst: dst, pod: k.pod}))
	case splice:
		p.Metrics.connection("spliced")
		if k.reason != "" {
			p.Metrics.refused(k.reason, true)
		}
		if err := relay(ctx, pc, (&net.Dialer{Timeout: dialTimeout}).DialContext, dst.String()); err != nil {
			p.Logger.Debug("a connection's own destination could not be reached")
		}
	case refuse, terminate:
		p.refuse(pc, s, k, h, dst)
	}
}

// refuse tells a client that its connection is refused, as far as it can be told.
func (p *Proxy) refuse(c net.Conn, s *State, k class, h hello, dst netip.AddrPort) {
	p.Metrics.connection("refused")
	p.Metrics.refused(k.reason, false)
	p.Logger.Warn("a connection was refused", "reason", k.reason, "destination", dst.String(), "service", k.name)
	switch h.protocol {
	case http1:
		refuseHTTP(c, k.reason, p.refusal(s, k.reason))
	case tlsHello:
		alertFor(k, h).send(c)
	case silent, opaque, http2:
	}
}

// closing closes a connection in the end, unless somebody keeps it, and whatever goes wrong.
func (p *Proxy) closing(c net.Conn, keep *bool) {
	if r := recover(); r != nil {
		p.Logger.Error("a connection was closed after an internal error")
		p.Metrics.connection("internal-error")
		*keep = false
	}
	if !*keep {
		_ = c.Close()
	}
}
