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
	"time"

	"go.opentelemetry.io/otel/trace"

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
	// Roots are those that services' certificates are verified with; nil for the system's, or those of Mozilla where it has none.
	Roots *x509.CertPool
	// StallTime is how long a peer may make no progress within a message, and a service until it takes a connection and until it begins
	// its answer; 0 for a minute.
	StallTime time.Duration

	// stall is StallTime, unless a test says otherwise.
	stall time.Duration
	// held bounds the bodies that are held at once.
	held budget

	once      sync.Once
	server    *http.Server
	conns     *handoff
	transport *http.Transport
	wg        sync.WaitGroup
}

// target is where a connection goes: what a handler knows about its connection.
type target struct {
	dst netip.AddrPort
	// host is set where the listener stands for one declared host and port, so that no header decides.
	host string
}

type targetKey struct{}

func (p *Proxy) setup() {
	p.once.Do(func() {
		if p.Logger == nil {
			p.Logger = slog.Default()
		}
		dial := p.Dial
		if dial == nil {
			dial = (&net.Dialer{}).DialContext
		}
		if p.stall == 0 {
			p.stall = cmp.Or(p.StallTime, stallTime)
		}
		if p.held.most == 0 {
			p.held.most = maxHeld
		}
		p.transport = &http.Transport{
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				ctx, cancel := context.WithTimeout(ctx, min(dialTimeout, p.stall))
				defer cancel()
				c, err := dial(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				return &progressing{Conn: c, stall: p.stall}, nil
			},
			DisableCompression: true, MaxIdleConns: 512, MaxIdleConnsPerHost: 128, IdleConnTimeout: 30 * time.Second,
			ResponseHeaderTimeout: p.stall, MaxResponseHeaderBytes: maxHead, TLSHandshakeTimeout: min(dialTimeout, p.stall), ForceAttemptHTTP2: true,
			// The server's name is the declared host, and there is no way around its verification.
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: p.Roots},
			HTTP2:           http2Limits(p.stall),
		}
		p.conns = newHandoff()
		protocols := &http.Protocols{}
		protocols.SetHTTP1(true)
		protocols.SetUnencryptedHTTP2(true)
		p.server = &http.Server{
			Handler: http.HandlerFunc(p.handle), DisableGeneralOptionsHandler: true, Protocols: protocols, HTTP2: http2Limits(p.stall),
			ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: maxHead,
			// The server's own complaints quote requests.
			ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				if t, ok := c.(*targeted); ok {
					return context.WithValue(ctx, targetKey{}, t.target)
				}
				return ctx
			},
		}
		go func() { _ = p.server.Serve(p.conns) }()
	})
}

// ServeRedirected serves connections that the network redirected to l, until ctx ends.
func (p *Proxy) ServeRedirected(ctx context.Context, l net.Listener) error {
	return p.serve(ctx, l, func(c net.Conn) { p.redirected(ctx, c) })
}

// ServeHost serves connections to l as such to one declared host ("name:port"), until ctx ends.
func (p *Proxy) ServeHost(ctx context.Context, l net.Listener, host string, port uint16) error {
	return p.serve(ctx, l, func(c net.Conn) {
		p.conns.give(p.targeted(c, target{dst: netip.AddrPortFrom(netip.Addr{}, port), host: host}))
	})
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
	return err
}

// redirected classifies one connection. Whatever goes wrong closes it.
func (p *Proxy) redirected(ctx context.Context, c net.Conn) {
	keep := false
	defer func() {
		if r := recover(); r != nil {
			p.Logger.Error("a connection was closed after an internal error")
			p.Metrics.connection("internal-error")
		}
		if !keep {
			_ = c.Close()
		}
	}()
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
	h, err := pc.hello()
	if err != nil {
		return
	}
	k := s.classify(dst, h)
	switch k.verdict {
	case parse:
		keep = true
		p.Metrics.connection("governed")
		p.conns.give(p.targeted(pc, target{dst: dst}))
	case splice:
		p.Metrics.connection("spliced")
		if k.reason != "" {
			p.Metrics.refused(k.reason, true)
		}
		if err := relay(ctx, pc, dst); err != nil {
			p.Logger.Debug("a connection's own destination could not be reached")
		}
	case refuse:
		p.Metrics.connection("refused")
		p.Metrics.refused(k.reason, false)
		p.Logger.Warn("a connection was refused", "reason", k.reason, "destination", dst.String(), "service", k.name)
		if h.protocol == http1 {
			refuseHTTP(pc, k.reason, p.refusal(s, k.reason))
		}
	}
}
