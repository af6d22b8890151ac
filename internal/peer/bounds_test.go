package peer_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/optup/optup/internal/peer"
	"github.com/optup/optup/internal/testkit/peers"
)

// TestAGoodCertificateIsNotEnough: names count within the protocol of sidecars, over TLS 1.3, and are proven anew by each connection.
func TestAGoodCertificateIsNotEnough(t *testing.T) {
	a := peers.NewAuthority(t)
	who := a.Identity(named("crm"), nil, a.Authorities(t.Context()))
	certificate := a.Certificate(named("mailer"), nil)
	config := func(change func(*tls.Config)) *tls.Config {
		c := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{peer.Protocol}, Certificates: []tls.Certificate{certificate}} //nolint:gosec // a test's
		change(c)
		return c
	}
	dial := func(c *tls.Config) func(net.Conn) (*tls.Conn, peer.Peer, error) {
		return func(raw net.Conn) (*tls.Conn, peer.Peer, error) {
			conn := tls.Client(raw, c)
			return conn, peer.Peer{}, conn.Handshake()
		}
	}
	if m := meetWith(t, who, dial(config(func(*tls.Config) {}))); m.acceptErr != nil || m.accepted.Name != named("mailer") {
		t.Fatalf("%+v", m)
	}
	if m := meetWith(t, who, dial(config(func(c *tls.Config) { c.NextProtos = nil }))); !errors.Is(m.acceptErr, peer.ErrUnknown) || m.accepted != (peer.Peer{}) {
		t.Errorf("without the protocol of sidecars: %+v", m)
	}
	if m := meetWith(t, who, dial(config(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }))); m.acceptErr == nil || m.stands {
		t.Errorf("over an older version of TLS: %+v", m)
	}
	resuming := config(func(c *tls.Config) { c.ClientSessionCache, c.ServerName = tls.NewLRUClientSessionCache(1), "crm" })
	for range 2 {
		resumed := false
		m := meetWith(t, who, func(raw net.Conn) (*tls.Conn, peer.Peer, error) {
			conn := tls.Client(raw, resuming)
			err := conn.Handshake()
			resumed = conn.ConnectionState().DidResume
			_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			_, _ = conn.Read(make([]byte, 1)) // a ticket would come now, and nothing else does
			return conn, peer.Peer{}, err
		})
		if m.acceptErr != nil || resumed {
			t.Errorf("resumed: %v; %+v", resumed, m)
		}
		if _, there := resuming.ClientSessionCache.Get("crm"); there {
			t.Error("a session is handed out with which a name would not be proven again")
		}
	}
}

// TestASidecarIsDialledOverTLS13, so that nobody on the way sees whose names meet.
func TestASidecarIsDialledOverTLS13(t *testing.T) {
	a := peers.NewAuthority(t)
	who, certificate := a.Identity(named("mailer"), nil, a.Authorities(t.Context())), a.Certificate(named("crm"), nil)
	for version, want := range map[uint16]bool{tls.VersionTLS13: true, tls.VersionTLS12: false} {
		x, y := net.Pipe()
		go func() {
			_ = tls.Server(y, &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{peer.Protocol}, MaxVersion: version}).Handshake() //nolint:gosec // a test's
			_ = y.Close()
		}()
		if _, _, err := who.Dial(t.Context(), x); (err == nil) != want {
			t.Errorf("version %x: %v", version, err)
		}
		_ = x.Close()
	}
}

// TestACertificateOfSomethingElseBesides is none of a workload: who could have one issued for an address or a mailbox gets no name by it.
func TestACertificateOfSomethingElseBesides(t *testing.T) {
	a := peers.NewAuthority(t)
	who := a.Identity(named("crm"), nil, a.Authorities(t.Context()))
	for name, change := range map[string]func(*x509.Certificate){
		"an address": func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} },
		"a mailbox":  func(c *x509.Certificate) { c.EmailAddresses = []string{"x@example.org"} },
	} {
		if m := visit(t, who, a.Certificate(named("mailer"), change)); !errors.Is(m.acceptErr, peer.ErrUnknown) || m.accepted != (peer.Peer{}) {
			t.Errorf("%s: %+v", name, m)
		}
	}
}
