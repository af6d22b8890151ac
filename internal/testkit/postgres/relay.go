package postgres

import (
	"net"
	"net/url"
	"strconv"
	"sync"
	"testing"
)

// Manner is what a Relay does with what it is given.
type Manner int

const (
	// Pass passes everything on.
	Pass Manner = iota
	// Cut resets connections that are open, and those that come.
	Cut
	// Mute loses what the server says from now on, on connections that are open.
	Mute
	// Hold passes nothing on, an end neither, as if the network between were gone. What was held goes on when the manner is another one.
	Hold
)

// Relay stands between a client and the server, and fails as a network does.
type Relay struct {
	server   *Server
	listener net.Listener

	mu     sync.Mutex
	change *sync.Cond
	manner Manner
	conns  map[net.Conn]bool
}

// Relay starts a relay to the server, which ends with the test.
func (s *Server) Relay(t testing.TB) *Relay {
	t.Helper()
	l, err := net.Listen("tcp", s.Host+":0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{server: s, listener: l, conns: map[net.Conn]bool{}}
	r.change = sync.NewCond(&r.mu)
	t.Cleanup(func() { _ = l.Close(); r.Turn(Cut) })
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

// Through gives an address of the server with the relay in between.
func (r *Relay) Through(t testing.TB, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = r.listener.Addr().String()
	return u.String()
}

// Turn changes the manner, for connections that are open, too.
func (r *Relay) Turn(m Manner) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.manner = m
	r.change.Broadcast()
	if m == Cut {
		for c := range r.conns {
			reset(c)
		}
	}
}

func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// keep registers a connection, unless all are cut.
func (r *Relay) keep(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.manner == Cut {
		reset(c)
		return false
	}
	r.conns[c] = true
	return true
}

func (r *Relay) connect(client net.Conn) {
	if !r.keep(client) {
		return
	}
	server, err := net.Dial("tcp", net.JoinHostPort(r.server.Host, strconv.Itoa(r.server.Port)))
	if err != nil {
		reset(client)
		return
	}
	if !r.keep(server) {
		reset(client)
		return
	}
	var both sync.WaitGroup
	both.Go(func() { r.copy(server, client, false) })
	both.Go(func() { r.copy(client, server, true) })
	both.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, client)
	delete(r.conns, server)
}

// copy passes on what comes, and the end of it.
func (r *Relay) copy(to, from net.Conn, fromServer bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		r.mu.Lock()
		for r.manner == Hold {
			r.change.Wait()
		}
		lost := r.manner == Mute && fromServer
		r.mu.Unlock()
		if n > 0 && !lost {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
