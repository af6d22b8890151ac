package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"
)

var errRead = errors.New("the hello was read")

// tlsHello reads the server name of a TLS client hello (RFC 6066) with the standard library's own parser, on a copy of the bytes.
func (p *peeked) tlsHello() (hello, error) {
	h := hello{protocol: tlsHello}
	for n := 6; n <= maxHead; n = len(p.held) + 1 {
		b := p.more(n)
		name, complete, err := serverName(b)
		if err != nil && complete {
			return hello{protocol: opaque}, nil
		}
		if complete {
			h.name = strings.TrimSuffix(strings.ToLower(name), ".")
			return h, nil
		}
		if len(b) < n {
			break
		}
	}
	return hello{protocol: opaque}, nil
}

// serverName reports whether the bytes hold a whole client hello, and the name in it.
func serverName(b []byte) (name string, complete bool, err error) {
	conn := &canned{Reader: bytes.NewReader(b)}
	err = tls.Server(conn, &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(info *tls.ClientHelloInfo) (*tls.Config, error) {
			name, complete = info.ServerName, true
			return nil, errRead
		},
	}).Handshake()
	if complete {
		return name, true, nil
	}
	// Bytes that ran out may still become a hello.
	return "", !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF), err
}

// canned is a connection that reads from memory and writes to nowhere.
type canned struct{ *bytes.Reader }

func (c *canned) Write(b []byte) (int, error)      { return len(b), nil }
func (c *canned) Close() error                     { return nil }
func (c *canned) LocalAddr() net.Addr              { return nil }
func (c *canned) RemoteAddr() net.Addr             { return nil }
func (c *canned) SetDeadline(time.Time) error      { return nil }
func (c *canned) SetReadDeadline(time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }
