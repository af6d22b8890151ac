package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/optup/optup/internal/ir"
)

// maxMessage leaves room for the largest bundle, whose bytes are spelled in base64, and its grant.
const maxMessage = ir.MaxLedgerBundleBytes*4/3 + 64<<10

type connection struct {
	manager   string
	client    *http.Client
	transport *http.Transport
}

func (c *connection) close() { c.transport.CloseIdleConnections() }

// connect reads the trust file anew, because authorities rotate while we run.
func (c *client) connect() (*connection, error) {
	pem, err := os.ReadFile(c.TrustFile)
	if err != nil {
		return nil, fmt.Errorf("read the trust file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate; it must hold the manager's authority in PEM", c.TrustFile)
	}
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13},
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second,
	}
	return &connection{
		manager: c.Manager, transport: transport,
		// A redirect would carry the token to somebody else.
		client: &http.Client{Transport: &bearer{file: c.TokenFile, next: transport}, CheckRedirect: stay},
	}, nil
}

// stay goes to no other place than was asked.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// bearer adds the token, which is read for each request because the kubelet renews the file.
type bearer struct {
	file string
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := os.ReadFile(b.file)
	if err != nil {
		return nil, fmt.Errorf("read the token file: %w", err)
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(bytes.TrimSpace(token)))
	return b.next.RoundTrip(r)
}

// acknowledge tells the manager what is in force: at once when told to, and regularly as a sign of life.
func (c *client) acknowledge(ctx context.Context, conn *connection, now <-chan struct{}) {
	tick := time.NewTicker(c.signOfLife)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-now:
		case <-tick.C:
		}
		c.mu.Lock()
		req := acknowledgeRequest{Generation: c.current.generation, Hash: c.current.hash, Accepted: true, Version: c.Version}
		if c.hasFault {
			req.Generation, req.Hash, req.Accepted, req.Error = c.refused.generation, c.refused.hash, false, c.problem
		}
		c.mu.Unlock()
		if c.Callers != nil {
			req.Callers = c.Callers()
		}
		if req.Generation == 0 {
			continue
		}
		req.UntrustingHosts = listed(c.Untrusting)
		call, cancel := context.WithTimeout(ctx, 10*time.Second)
		if err := conn.acknowledge(call, req); err != nil && ctx.Err() == nil {
			c.Logger.Warn("the acknowledgement did not reach the manager; it is sent again", "error", err)
		}
		cancel()
	}
}
