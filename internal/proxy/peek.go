package proxy

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"time"
)

const (
	// peekTime is how long a client may take to say something before it counts as one that waits for the server to speak first.
	peekTime = 300 * time.Millisecond
	// headTime is how long a head that has begun may take to be complete.
	headTime = 5 * time.Second
	maxHead  = 64 << 10
	// firstHead is what is read of a head at first.
	firstHead = 4 << 10
)

// protocol is what a client's first bytes turned out to be.
type protocol int

const (
	silent protocol = iota // nothing came: a client that waits for the server
	opaque                 // something that is neither HTTP nor TLS
	http1
	http2
	tlsHello
)

// hello is what a client said first.
type hello struct {
	protocol protocol
	// name is the TLS server name or the HTTP host with its port taken off, lower-case; empty if none was given.
	name string
	// proxied tells that the request is written to a forward proxy (absolute form, CONNECT).
	proxied bool
}

// peeked is a connection whose first bytes were looked at and can be read again. It keeps no more than those.
type peeked struct {
	net.Conn
	held []byte
}

func newPeeked(c net.Conn) *peeked { return &peeked{Conn: direct(c)} }

// Read implements net.Conn.
func (p *peeked) Read(b []byte) (int, error) {
	if len(p.held) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.held)
	if p.held = p.held[n:]; len(p.held) == 0 {
		p.held = nil
	}
	return n, nil
}

// fill waits until at least n bytes have come.
func (p *peeked) fill(n int) error {
	for len(p.held) < n {
		if len(p.held) == cap(p.held) {
			p.held = append(make([]byte, 0, max(firstHead, 2*cap(p.held))), p.held...)
		}
		m, err := p.Conn.Read(p.held[len(p.held):cap(p.held)])
		p.held = p.held[:len(p.held)+m]
		if err != nil {
			return err
		}
	}
	return nil
}

// CloseWrite passes a half-close on.
func (p *peeked) CloseWrite() error { return closeWrite(p.Conn) }

var preface = []byte("PRI * HTTP/2.0\r\n")

// hello looks at the first bytes without taking them, and waits some time for them. It fails when the client is gone.
func (p *peeked) hello(patience time.Duration) (hello, error) {
	if err := p.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return hello{}, err
	}
	defer func() { _ = p.SetReadDeadline(time.Time{}) }()
	err := p.fill(1)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return hello{protocol: silent}, nil
	}
	if err != nil {
		return hello{}, err
	}
	if err := p.SetReadDeadline(time.Now().Add(headTime)); err != nil {
		return hello{}, err
	}
	if p.held[0] == 0x16 {
		return p.tlsHello()
	}
	return p.httpHello()
}

// more gives everything that has come, once it is at least n bytes or the client has stopped.
func (p *peeked) more(n int) []byte {
	_ = p.fill(n)
	return p.held
}

func (p *peeked) httpHello() (hello, error) {
	for n := 1; n <= maxHead; n = len(p.held) + 1 {
		b := p.more(n)
		if bytes.HasPrefix(b, preface) {
			return hello{protocol: http2}, nil
		}
		if !likeHTTP(b) {
			return hello{protocol: opaque}, nil
		}
		if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
			return httpHead(b[:i]), nil
		}
		if len(b) < n {
			break // the client stopped within its head
		}
	}
	return hello{protocol: opaque}, nil
}

// likeHTTP tells whether bytes may be the beginning of an HTTP request: a token, and a space behind it.
func likeHTTP(b []byte) bool {
	for i, c := range b {
		if c == ' ' {
			return i > 0 && likeVersion(b)
		}
		if i > 32 || (c != '-' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')) {
			return false
		}
	}
	return true
}

// likeVersion looks at the first line once it is there: other protocols begin with a word and a space, too.
func likeVersion(b []byte) bool {
	line, _, complete := bytes.Cut(b, []byte("\n"))
	return !complete || bytes.Contains(line, []byte(" HTTP/"))
}

func httpHead(head []byte) hello {
	h := hello{protocol: http1}
	lines := strings.Split(string(head), "\r\n")
	parts := strings.Split(lines[0], " ")
	if len(parts) == 3 && (parts[0] == "CONNECT" || !strings.HasPrefix(parts[1], "/")) && parts[1] != "*" {
		h.proxied = true
		authority := parts[1]
		if _, after, ok := strings.Cut(authority, "://"); ok {
			authority, _, _ = strings.Cut(after, "/")
		}
		if _, after, ok := strings.Cut(authority, "@"); ok {
			authority = after
		}
		h.name = hostName(authority)
		return h
	}
	for _, line := range lines[1:] {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(key), "host") {
			h.name = hostName(strings.TrimSpace(value))
			break
		}
	}
	return h
}

// hostName takes a port off and lowers the case. A trailing dot names the same host.
func hostName(authority string) string {
	name := authority
	if host, _, err := net.SplitHostPort(authority); err == nil {
		name = host
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
}

func closeWrite(c net.Conn) error {
	if x, ok := c.(interface{ CloseWrite() error }); ok {
		return x.CloseWrite()
	}
	return c.Close()
}
