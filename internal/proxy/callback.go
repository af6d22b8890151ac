package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	ledgerwire "github.com/optup/optup/internal/ledger/wire"
)

// Tell tells the ledger of a controller what people said; what it returns without an error is durable.
type Tell func(ctx context.Context, controller string, in ledgerwire.CallbackEvents) (ledgerwire.CallbackTaken, error)

// maxHeldInbound bounds the bodies of callbacks that are held at once, beside those of requests.
const maxHeldInbound = 16 << 20

// callSide serves the ports at which services call the workload. It is a proxy of its own that knows one upstream, the application; a
// sidecar without callbacks has none.
type callSide struct {
	once  sync.Once
	proxy atomic.Pointer[Proxy]
	seen  passedCalls
}

// Callback takes a connection that came to the workload's own address, if something calls the workload at this port. It tells whether it did;
// if not, nothing was read.
func (p *Proxy) Callback(_ context.Context, c net.Conn, dst netip.AddrPort) bool {
	s := p.Current.Load()
	if s == nil || len(s.callbacks[dst.Port()]) == 0 {
		return false
	}
	p.setup()
	in := p.calls.setup(p)
	in.conns.give(in.targeted(c, target{dst: dst}))
	return true
}

// ServeCallbacks serves connections to l as if they had come to the workload at dst, until ctx ends.
func (p *Proxy) ServeCallbacks(ctx context.Context, l net.Listener, dst netip.AddrPort) error {
	return p.serve(ctx, l, func(c net.Conn) {
		switch {
		case p.Callback(ctx, c, dst):
		case p.Current.Load() == nil:
			_ = c.Close() // what may be a callback does not pass before anybody knows
		default:
			_ = relay(ctx, c, (&net.Dialer{Timeout: dialTimeout}).DialContext, dst.String())
			_ = c.Close()
		}
	})
}

// setup makes the part that serves callbacks, once there is one.
func (in *callSide) setup(p *Proxy) *Proxy {
	in.once.Do(func() {
		q := &Proxy{
			Current: p.Current, Metrics: p.Metrics, Logger: p.Logger, Uses: p.Uses, Tracer: p.Tracer, Tell: p.Tell, Credentials: p.Credentials,
			stall: p.stall, now: p.now,
		}
		q.held.most = maxHeldInbound
		q.once.Do(func() {}) // it has no server and no transport but those below
		q.transport = &http.Transport{
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				return q.application(ctx, network, addr)
			},
			DisableCompression: true, MaxIdleConns: 64, MaxIdleConnsPerHost: 32, IdleConnTimeout: 30 * time.Second,
			ResponseHeaderTimeout: q.stall, MaxResponseHeaderBytes: maxHead,
		}
		q.conns = newHandoff()
		q.server = q.newServer(func(w http.ResponseWriter, r *http.Request) {
			q.serveBy(w, r, func(x *exchange) { x.takeCall(&in.seen) })
		})
		go func() { _ = q.server.Serve(q.conns) }()
		in.proxy.Store(q)
	})
	return in.proxy.Load()
}

// application dials the workload as it was called, or where it listens for itself alone.
func (p *Proxy) application(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, min(dialTimeout, p.stall))
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if errors.Is(err, syscall.ECONNREFUSED) {
		if _, port, split := net.SplitHostPort(addr); split == nil {
			c, err = d.DialContext(ctx, network, net.JoinHostPort("localhost", port))
		}
	}
	if err != nil {
		return nil, err
	}
	return &progressing{Conn: c, stall: p.stall}, nil
}

// newServer is a server for connections that are handed to it, with the limits that hold for all of them.
func (p *Proxy) newServer(h http.HandlerFunc) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler: h, DisableGeneralOptionsHandler: true, Protocols: protocols, HTTP2: http2Limits(p.stall),
		ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: maxHead,
		// The server's own complaints quote requests.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if x, ok := c.(*tls.Conn); ok {
				c = x.NetConn()
			}
			if t, ok := c.(*targeted); ok {
				return context.WithValue(ctx, targetKey{}, t.target)
			}
			return ctx
		},
	}
}

// called is a callback of the bundle in force, prepared.
type called struct {
	*ir.Callback
	// plans are by the place of the kind; nil where reason tells why there is none.
	plans  []*decide.Plan
	reason decide.Reason
	// endpoint names it in records and metrics, endpoints its kinds.
	endpoint  *decide.Endpoint
	endpoints []*decide.Endpoint
}

// callbacks prepares the callbacks of a bundle, by port.
func callbacks(x *decide.Index) map[uint16][]*called {
	var out map[uint16][]*called
	b := x.Bundle()
	for i := range b.Callbacks {
		c := &called{Callback: &b.Callbacks[i]}
		service := &ir.Service{Name: c.Service, Party: ir.Party{Role: ir.RoleProcessor}}
		c.endpoint = &decide.Endpoint{Service: service, IR: &ir.Endpoint{Name: c.Name}}
		for k := range c.Kinds {
			plan, reason := x.Inbound(c.Callback, &c.Kinds[k])
			if reason != "" {
				c.reason = reason
			}
			c.plans = append(c.plans, plan)
			c.endpoints = append(c.endpoints, &decide.Endpoint{Service: service, IR: &ir.Endpoint{Name: c.Name + "/" + c.Kinds[k].Name}})
		}
		if out == nil {
			out = map[uint16][]*called{}
		}
		port := uint16(c.Port) //nolint:gosec // a bundle was validated
		out[port] = append(out[port], c)
	}
	return out
}
