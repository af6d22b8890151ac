package stream

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Listener gives connections on which streams cost less: they are written by a few goroutines for all of them, because what a connection
// does not take at once is kept for later. Everything else about them is as it was.
func Listener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			return newEager(tcp, raw), nil
		}
	}
	return c, nil
}

// maxKept bounds what a connection keeps, in bytes: a record that it did not take, and what TLS adds by itself. A peer that does not read can have
// TLS add as much as it likes, by asking for other keys again and again.
const maxKept = 2 * record

var errKept = errors.New("too much waits for a peer that does not read")

// eager is a connection that can be told not to wait: then Write takes everything, and keeps what the connection does not, up to a bound.
type eager struct {
	net.Conn
	raw syscall.RawConn

	mu sync.Mutex
	on bool
	// rest is what is kept, and kept tells that there is something.
	rest []byte
	kept atomic.Bool
	// attempt writes from, and gives wrote and failed. They are here because a closure for each write would be garbage.
	attempt func(fd uintptr) bool
	from    []byte
	wrote   int
	failed  error
}

func newEager(c net.Conn, raw syscall.RawConn) *eager {
	e := &eager{Conn: c, raw: raw}
	e.attempt = func(fd uintptr) bool {
		e.wrote, e.failed = writeNow(fd, e.from)
		return true // whatever came of it: nobody waits
	}
	return e
}

// eagerly gives the connection below TLS, if it is one that need not be waited for.
func eagerly(c net.Conn) *eager {
	if over, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = over.NetConn()
	}
	e, _ := c.(*eager)
	return e
}

// Write implements net.Conn.
func (e *eager) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.on {
		return e.Conn.Write(b)
	}
	wrote := 0
	if len(e.rest) == 0 {
		e.from, e.wrote, e.failed = b, 0, nil
		err := e.raw.Write(e.attempt)
		if e.from = nil; err == nil {
			err = e.failed
		}
		if wrote = e.wrote; err != nil {
			return wrote, err
		}
	}
	if len(e.rest)+len(b)-wrote > maxKept {
		return wrote, errKept
	}
	if wrote < len(b) {
		e.rest = append(e.rest, b[wrote:]...)
		e.kept.Store(true)
	}
	return len(b), nil
}

// hurry has writes not wait from now on. Nothing may be kept.
func (e *eager) hurry() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.on = true
	return e.Conn.SetWriteDeadline(time.Time{})
}

// stuck tells that something is kept.
func (e *eager) stuck() bool { return e.kept.Load() }

// wait writes what is kept, and has writes wait from now on.
func (e *eager) wait(timeout time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.Conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	_, err := e.Conn.Write(e.rest)
	e.on, e.rest = false, nil
	e.kept.Store(false)
	return err
}
