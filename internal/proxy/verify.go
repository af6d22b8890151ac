package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/optup/optup/internal/ir"
)

type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// toward gives a transport to services whose certificates are verified with the given roots; nil for the public ones.
func (p *Proxy) toward(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, min(dialTimeout, p.stall))
			defer cancel()
			c, err := p.dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &progressing{Conn: direct(c), stall: p.stall}, nil
		},
		DisableCompression: true, MaxIdleConns: 512, MaxIdleConnsPerHost: 128, IdleConnTimeout: 30 * time.Second,
		ResponseHeaderTimeout: p.stall, MaxResponseHeaderBytes: maxHead, TLSHandshakeTimeout: min(dialTimeout, p.stall), ForceAttemptHTTP2: true,
		// The server's name is the declared host, and there is no way around its verification. A session that is resumed was verified.
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
		HTTP2:           http2Limits(p.stall),
	}
}

// transports are those to services with authorities of their own. Connections that were verified with others are never used.
type transports struct {
	make func(*x509.CertPool) *http.Transport
	mu   sync.Mutex
	by   map[string]*http.Transport
}

// transportTo gives the transport to a service.
func (p *Proxy) transportTo(u upstream) (*http.Transport, error) {
	if u.authorities == "" {
		return p.transport, nil
	}
	t := &p.private
	t.mu.Lock()
	defer t.mu.Unlock()
	if x := t.by[u.authorities]; x != nil {
		return x, nil
	}
	all, err := ir.ParseAuthorities(u.authorities)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, c := range all {
		pool.AddCert(c)
	}
	t.keep(p.Current.Load())
	if t.by == nil {
		t.by = map[string]*http.Transport{}
	}
	t.by[u.authorities] = t.make(pool)
	return t.by[u.authorities], nil
}

// keep drops the transports with authorities that are declared no longer.
func (t *transports) keep(s *State) {
	used := map[string]bool{}
	if s != nil {
		for _, u := range s.upstreams {
			used[u.authorities] = true
		}
		for i := range s.Index.Bundle().Services {
			if c := s.Index.Bundle().Services[i].Credential; c != nil && c.OAuth2 != nil {
				used[c.OAuth2.Authorities] = true
			}
		}
	}
	for authorities, x := range t.by {
		if !used[authorities] {
			x.CloseIdleConnections()
			delete(t.by, authorities)
		}
	}
}

func (t *transports) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, x := range t.by {
		x.CloseIdleConnections()
	}
}

// notVerified tells why a service's certificate was not accepted. What stands in the certificate is the service's word and is not repeated.
func (x *exchange) notVerified(err error) string {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	reason, sentence := "invalid", "The service's certificate is not valid."
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		reason, sentence = "expired", "The service's certificate has expired, or is not valid yet."
	case errors.As(err, &name):
		reason, sentence = "name", "The service's certificate is for another name than the declared host."
	case errors.As(err, &unknown):
		reason, sentence = "authority", "The service's certificate is signed by no authority that is known. If the authority is your own, name it in the DataService's spec.authorities."
	}
	service := ""
	if x.endpoint != nil {
		service = x.endpoint.Service.Name
	}
	x.proxy.Metrics.certificateRefused(service, reason)
	return sentence + " Nothing was sent."
}
