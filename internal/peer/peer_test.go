package peer_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/peer"
	"github.com/optup/optup/internal/testkit/peers"
)

func named(workload string) peer.Name {
	return peer.Name{Domain: peers.Domain, Namespace: "shop", Account: "mailer", Workload: workload}
}

func TestNamesHaveOneSpelling(t *testing.T) {
	n := named("deployment-mailer-0a1b2c3d")
	const text = "spiffe://cluster.test/ns/shop/sa/mailer/wl/deployment-mailer-0a1b2c3d"
	if n.String() != text {
		t.Fatalf("%s", n)
	}
	read := func(s string) (peer.Name, error) {
		u, err := url.Parse(s)
		if err != nil {
			return peer.Name{}, err
		}
		return peer.ParseName(u)
	}
	if got, err := read(text); err != nil || got != n {
		t.Errorf("%+v, %v", got, err)
	}
	for name, s := range map[string]string{
		"another scheme":          strings.Replace(text, "spiffe", "https", 1),
		"a query":                 text + "?wl=other",
		"a fragment":              text + "#x",
		"a user":                  strings.Replace(text, "cluster", "root@cluster", 1),
		"an escape":               strings.Replace(text, "mailer/wl", "mail%65r/wl", 1),
		"an escaped slash":        strings.Replace(text, "sa/mailer", "sa/mailer%2fwl", 1),
		"a segment more":          text + "/x",
		"a segment less":          "spiffe://cluster.test/ns/shop/sa/mailer",
		"an empty namespace":      strings.Replace(text, "shop", "", 1),
		"a place above":           strings.Replace(text, "shop", "..", 1),
		"parts in another order":  "spiffe://cluster.test/sa/mailer/ns/shop/wl/x",
		"no domain":               strings.Replace(text, "cluster.test", "", 1),
		"a port":                  strings.Replace(text, "cluster.test", "cluster.test:1", 1),
		"a slash at the end":      text + "/",
		"letters of another kind": strings.Replace(text, "shop", "sh\u00f6p", 1),
	} {
		t.Run(name, func(t *testing.T) {
			if n, err := read(s); err == nil {
				t.Errorf("%s is taken for %+v", s, n)
			}
		})
	}
}

// met is what both sides know after a handshake.
type met struct {
	accepted, dialled           peer.Peer
	acceptErr, dialErr, readErr error
	// stands tells that the server has a connection, whoever the client is.
	stands bool
}

// meet has a client dial a server and send a byte.
func meet(t *testing.T, server, client *peer.Identity) met {
	t.Helper()
	return meetWith(t, server, func(c net.Conn) (*tls.Conn, peer.Peer, error) { return client.Dial(t.Context(), c) })
}

// visit has a client dial that shows a certificate and takes any.
func visit(t *testing.T, server *peer.Identity, certificates ...tls.Certificate) met {
	t.Helper()
	return meetWith(t, server, func(c net.Conn) (*tls.Conn, peer.Peer, error) {
		conn := tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{peer.Protocol}, Certificates: certificates}) //nolint:gosec // a test's
		return conn, peer.Peer{}, conn.Handshake()
	})
}

func meetWith(t *testing.T, server *peer.Identity, dial func(net.Conn) (*tls.Conn, peer.Peer, error)) (m met) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		var conn *tls.Conn
		if conn, m.accepted, m.acceptErr = server.Accept(context.Background(), c); conn != nil {
			m.stands = true
			_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
			_, m.readErr = io.ReadFull(conn, make([]byte, 1))
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	conn, who, err := dial(c)
	m.dialled, m.dialErr = who, err
	if err == nil {
		_, _ = conn.Write([]byte("x"))
	} else {
		_ = c.Close()
	}
	<-done
	return m
}

func TestSidecarsProveTheirNamesToEachOther(t *testing.T) {
	a := peers.NewAuthority(t)
	roots := a.Authorities(t.Context())
	server, client := a.Identity(named("crm"), nil, roots), a.Identity(named("mailer"), nil, roots)
	m := meet(t, server, client)
	if m.acceptErr != nil || m.dialErr != nil || m.readErr != nil || m.accepted.Name != named("mailer") || m.dialled.Name != named("crm") {
		t.Fatalf("%+v", m)
	}
	if !m.accepted.Until.Equal(client.Expires) {
		t.Errorf("the name counts until %v", m.accepted.Until)
	}
	// The authority rotates: old certificates count as long as its roots are handed out.
	a.Rotate()
	both := a.Authorities(t.Context())
	if m := meet(t, a.Identity(named("crm"), nil, both), client); !errors.Is(m.dialErr, peer.ErrUnknown) {
		t.Errorf("a client that does not know the new authority: %+v", m)
	}
	if m := meet(t, server, a.Identity(named("mailer"), nil, both)); !errors.Is(m.acceptErr, peer.ErrUnknown) || m.dialErr != nil {
		t.Errorf("a server that does not know the new authority: %+v", m)
	}
	if m := meet(t, a.Identity(named("crm"), nil, both), a.Identity(named("mailer"), nil, both)); m.acceptErr != nil || m.dialErr != nil {
		t.Errorf("after the rotation: %+v", m)
	}
}

// TestWhoProvesNothing: each kind of certificate that is none of a known workload's, in both directions.
func TestWhoProvesNothing(t *testing.T) {
	a, other := peers.NewAuthority(t), peers.NewAuthority(t)
	roots := a.Authorities(t.Context())
	good := a.Identity(named("crm"), nil, roots)
	elsewhere := named("mailer")
	elsewhere.Domain = "other.test"
	for name, test := range map[string]struct {
		by     *peers.Authority
		name   peer.Name
		change func(*x509.Certificate)
		want   string
	}{
		"an expired certificate": {a, named("mailer"), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }, "expired"},
		"one of the future":      {a, named("mailer"), func(c *x509.Certificate) { c.NotBefore = time.Now().Add(2 * peer.ClockSkew) }, "nobody trusted"},
		"another authority":      {other, named("mailer"), nil, "nobody trusted"},
		"another trust domain":   {a, elsewhere, nil, "another trust domain"},
		"two names":              {a, named("mailer"), func(c *x509.Certificate) { c.URIs = append(c.URIs, named("crm").URI()) }, "none of a workload"},
		"a host's name besides":  {a, named("mailer"), func(c *x509.Certificate) { c.DNSNames = []string{"crm.shop.svc"} }, "none of a workload"},
	} {
		t.Run(name, func(t *testing.T) {
			m := visit(t, good, test.by.Certificate(test.name, test.change))
			if !m.stands || !errors.Is(m.acceptErr, peer.ErrUnknown) || !strings.Contains(m.acceptErr.Error(), test.want) || m.accepted != (peer.Peer{}) {
				t.Errorf("a server takes it: %+v", m)
			}
			who, err := test.by.TryIdentity(test.name, test.change, roots)
			if err != nil {
				return // it is no identity to begin with
			}
			if m := meet(t, who, good); !errors.Is(m.dialErr, peer.ErrUnknown) || m.dialled != (peer.Peer{}) || m.stands && m.readErr == nil {
				t.Errorf("a client takes it: %+v", m)
			}
		})
	}
	if m := visit(t, good); !m.stands || !errors.Is(m.acceptErr, peer.ErrUnknown) || !strings.Contains(m.acceptErr.Error(), "shows no certificate") {
		t.Errorf("a server takes somebody without a certificate: %+v", m)
	}
	change := func(f func(*x509.Certificate)) *peer.Identity { return a.Identity(named("mailer"), f, roots) }
	if m := meet(t, change(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), good); !errors.Is(m.dialErr, peer.ErrUnknown) {
		t.Errorf("a client takes a certificate for clients: %+v", m)
	}
	if m := meet(t, good, change(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })); !errors.Is(m.acceptErr, peer.ErrUnknown) {
		t.Errorf("a server takes a certificate for servers: %+v", m)
	}
	if who := change(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(peer.ClockSkew / 2) }); meet(t, good, who).acceptErr != nil {
		t.Error("a clock that is a little ahead is not borne with")
	}
}

// TestWhatSpeaksAnotherProtocol: a server in plain, one with TLS of another kind, and a client without a certificate.
func TestWhatSpeaksAnotherProtocol(t *testing.T) {
	a := peers.NewAuthority(t)
	roots := a.Authorities(t.Context())
	who := a.Identity(named("mailer"), nil, roots)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_ = c.Close()
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := who.Dial(t.Context(), c); !errors.Is(err, peer.ErrNoSidecar) || errors.Is(err, peer.ErrUnknown) {
		t.Errorf("%v", err)
	}
	for name, config := range map[string]*tls.Config{
		"no certificate":          {InsecureSkipVerify: true, NextProtos: []string{peer.Protocol}},                               //nolint:gosec // a test's
		"no protocol":             {InsecureSkipVerify: true},                                                                    //nolint:gosec // a test's
		"another protocol":        {InsecureSkipVerify: true, NextProtos: []string{"h2"}},                                        //nolint:gosec // a test's
		"an older version of TLS": {InsecureSkipVerify: true, NextProtos: []string{peer.Protocol}, MaxVersion: tls.VersionTLS12}, //nolint:gosec // a test's
	} {
		t.Run(name, func(t *testing.T) {
			x, y := net.Pipe()
			go func() { _ = tls.Client(x, config).Handshake() }()
			if _, p, err := who.Accept(t.Context(), y); err == nil || p != (peer.Peer{}) {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

func TestWhatIsNoIdentity(t *testing.T) {
	a := peers.NewAuthority(t)
	roots := a.Authorities(t.Context())
	for name, change := range map[string]func(*x509.Certificate){
		"two names":     func(c *x509.Certificate) { c.URIs = append(c.URIs, named("crm").URI()) },
		"no name":       func(c *x509.Certificate) { c.URIs = nil },
		"a host's name": func(c *x509.Certificate) { c.DNSNames = []string{"crm.shop.svc"} },
		"an authority":  func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := a.TryIdentity(named("mailer"), change, roots); err == nil {
				t.Error("it is taken for an identity")
			}
		})
	}
	if _, err := a.TryIdentity(named("mailer"), nil, []byte("nothing")); err == nil {
		t.Error("nobody is trusted, and it is taken for an identity")
	}
	if _, err := peer.New(nil, nil, roots); err == nil {
		t.Error("an identity without a certificate")
	}
}

func TestAnIdentityEndsWithItsCertificate(t *testing.T) {
	a := peers.NewAuthority(t)
	var h peer.Holder
	if h.Load() != nil {
		t.Error("nobody is somebody")
	}
	roots := a.Authorities(t.Context())
	h.Store(a.Identity(named("mailer"), nil, roots))
	if h.Load() == nil {
		t.Error("an identity is not there")
	}
	h.Store(a.Identity(named("mailer"), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }, roots))
	if h.Load() != nil {
		t.Error("an identity outlives its certificate")
	}
}
