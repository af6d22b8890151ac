package proxy

import (
	"context"
	"net"
)

// ServeInbound serves connections to the pod that the network redirected to l, until ctx ends. What Inbound does not take goes on to the
// address and port that its client dialled, byte for byte. The application then sees the connection come from the pod itself: only the
// sidecar knows who made it.
func (p *Proxy) ServeInbound(ctx context.Context, l net.Listener) error {
	return p.serve(ctx, l, func(c net.Conn) { p.inbound(ctx, c) })
}

// inbound serves one connection. Whatever goes wrong closes it.
func (p *Proxy) inbound(ctx context.Context, c net.Conn) {
	keep := false
	defer func() {
		if r := recover(); r != nil {
			p.Logger.Error("a connection to the pod was closed after an internal error")
			p.Metrics.connection("internal-error")
			keep = false
		}
		if !keep {
			_ = c.Close()
		}
	}()
	dst, err := p.Original(c)
	if err != nil || isPort(c.LocalAddr(), dst.Port()) {
		// Dialled as such. It would come back for ever.
		p.Metrics.connection("not-redirected")
		return
	}
	if p.Current.Load() == nil {
		// Which ports are governed is not known.
		p.Metrics.connection("no-bundle")
		return
	}
	if p.Inbound != nil && p.Inbound(ctx, c, dst) {
		keep = true
		p.Metrics.connection("inbound-governed")
		return
	}
	p.Metrics.connection("inbound-passed")
	if err := relay(ctx, c, (&net.Dialer{Timeout: dialTimeout}).DialContext, dst.String()); err != nil {
		// As near to a refused connection as one gets that was taken already.
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		p.Logger.Debug("nothing takes connections where one to the pod goes")
	}
}

func isPort(a net.Addr, port uint16) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.AddrPort().Port() == port
}
