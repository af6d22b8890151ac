package faults

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// manner is what a relay does with what it is given.
type manner int

const (
	passing manner = iota
	// cut closes connections, and takes no new ones.
	cut
	// swallowing takes everything and passes nothing on, an end neither: its connections are half open. What it swallowed is lost, so
	// they stay so, whatever comes later.
	swallowing
	// holding reads nothing and passes nothing on until it is passing again: as if the peer had vanished.
	holding
	// mute swallows what the server says.
	mute
	// slow passes some bytes every now and then.
	slow
)

// relay stands between a client and a server. Connections that it gets while it is cut are reset.
type relay struct {
	listener net.Listener
	to       string

	mu     sync.Mutex
	manner manner
	change chan struct{}
	conns  map[net.Conn]bool
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	lc := net.ListenConfig{Control: smallSegments}
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, to: to, change: make(chan struct{}), conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		_ = l.Close()
		r.turn(cut)
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.connect(c)
		}
	}()
	return r
}

func (r *relay) addr() string { return r.listener.Addr().String() }

// turn changes the manner for connections that are open, too.
func (r *relay) turn(m manner) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.manner = m
	close(r.change)
	r.change = make(chan struct{})
	if m == cut {
		for c := range r.conns {
			reset(c)
		}
	}
}

func (r *relay) now() (manner, chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.manner, r.change
}

// reset closes a connection without a farewell.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

func (r *relay) connect(c net.Conn) {
	if m, _ := r.now(); m == cut {
		reset(c)
		return
	}
	s, err := net.DialTimeout("tcp", r.to, time.Second)
	if err != nil {
		reset(c)
		return
	}
	for _, one := range []net.Conn{c, s} {
		_ = one.(*net.TCPConn).SetReadBuffer(16 << 10) // a peer that has vanished takes little
	}
	r.mu.Lock()
	r.conns[c], r.conns[s] = true, true
	r.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { r.pass(s, c, false) })
	both.Go(func() { r.pass(c, s, true) })
	both.Wait()
	r.mu.Lock()
	delete(r.conns, c)
	delete(r.conns, s)
	r.mu.Unlock()
}

// pass passes one direction on, and its end.
func (r *relay) pass(dst, src net.Conn, back bool) {
	b := make([]byte, 32<<10)
	lost := false
	for {
		n, err := src.Read(b)
		data := b[:n]
		for len(data) > 0 && !lost {
			m, change := r.now()
			step := len(data)
			switch m {
			case swallowing, cut:
				lost = true
				continue
			case mute:
				if lost = back; lost {
					continue
				}
			case holding:
				<-change
				continue
			case slow:
				step = min(step, 1<<10)
				select {
				case <-change:
				case <-time.After(20 * time.Millisecond):
				}
			case passing:
			}
			if _, err := dst.Write(data[:step]); err != nil {
				lost = true
				break
			}
			data = data[step:]
		}
		if err != nil {
			r.end(dst, src, lost, err)
			return
		}
	}
}

func (r *relay) end(dst, src net.Conn, lost bool, err error) {
	if m, _ := r.now(); lost || m == swallowing {
		return // nobody is told; the connections are closed with the relay
	}
	if tcp, ok := dst.(*net.TCPConn); ok && err == io.EOF { //nolint:errorlint // the end itself
		_ = tcp.CloseWrite()
		return
	}
	_ = dst.Close()
	_ = src.Close()
}
