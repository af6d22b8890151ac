package proxy

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// http2Limits bound what one HTTP/2 connection may ask for, whichever side it is on, and find peers that are gone. Floods of headers and
// of resets are bounded by the server itself.
func http2Limits(stall time.Duration) *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams: 100, MaxDecoderHeaderTableSize: 4 << 10, MaxEncoderHeaderTableSize: 4 << 10,
		MaxReceiveBufferPerConnection: 1 << 20, MaxReceiveBufferPerStream: 256 << 10,
		SendPingTimeout: stall / 2, PingTimeout: stall / 4, WriteByteTimeout: stall,
	}
}

// progressing is a connection whose peer has to take what is written to it.
type progressing struct {
	net.Conn
	stall time.Duration
	// until is the deadline that was set last, since the epoch. It is set again when less than the time of a stall is left.
	until atomic.Int64
}

// Write implements net.Conn. A peer that takes a part in time has its time again for the rest.
func (c *progressing) Write(b []byte) (written int, err error) {
	for {
		now := time.Now()
		if time.Unix(0, c.until.Load()).Sub(now) < c.stall {
			until := now.Add(c.stall + c.stall/4)
			if err := c.SetWriteDeadline(until); err != nil {
				return written, err
			}
		}
		n, err := c.Conn.Write(b)
		written += n
		if n == 0 || n == len(b) || !errors.Is(err, os.ErrDeadlineExceeded) {
			return written, err
		}
		b = b[n:]
	}
}

// SetWriteDeadline implements net.Conn.
func (c *progressing) SetWriteDeadline(t time.Time) error {
	c.until.Store(t.UnixNano())
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline implements net.Conn.
func (c *progressing) SetDeadline(t time.Time) error {
	c.until.Store(t.UnixNano())
	return c.Conn.SetDeadline(t)
}

// CloseWrite lets the peer read an answer to a request that was not read to its end.
func (c *progressing) CloseWrite() error { return closeWrite(c.Conn) }

// targeted is a connection that knows where it goes.
type targeted struct {
	progressing
	target target
	// trusting tells that the application has gone on after it saw our certificate.
	trusting bool
}

func (p *Proxy) targeted(c net.Conn, t target) *targeted {
	return &targeted{progressing: progressing{Conn: direct(c), stall: p.stall}, target: t}
}

// handoff is a listener whose connections are given to it.
type handoff struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newHandoff() *handoff {
	return &handoff{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (h *handoff) give(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (h *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handoff) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements net.Listener.
func (h *handoff) Addr() net.Addr { return &net.TCPAddr{} }
