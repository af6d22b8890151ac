package peer

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// Protocol is what two sidecars agree on within TLS (RFC 7301): HTTP, behind certificates of both.
const Protocol = "optup/1"

// ClockSkew is how far the manager's clock may be ahead of this one when it signs. An end gets none.
const ClockSkew = time.Minute

// handshakeTime bounds a handshake.
const handshakeTime = 5 * time.Second

// Identity is who this process is, and whose word about others it takes. It is immutable.
type Identity struct {
	Name Name
	// Expires is when the certificate ends.
	Expires time.Time

	certificate tls.Certificate
	roots       *x509.CertPool
	// now is a test's clock.
	now func() time.Time
}

// New makes an identity of a certificate for a key, and of the authorities (PEM) that others' certificates are verified with.
func New(chain [][]byte, key crypto.Signer, authorities []byte) (*Identity, error) {
	if len(chain) == 0 {
		return nil, errors.New("there is no certificate")
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, errors.New("the certificate cannot be read")
	}
	if public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(leaf.PublicKey) {
		return nil, errors.New("the certificate is for another key")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authorities) {
		return nil, errors.New("there is no authority to verify others with")
	}
	i := &Identity{Expires: leaf.NotAfter, certificate: tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf}, roots: roots, now: time.Now}
	if i.Name, err = nameOf(leaf); err != nil {
		return nil, err
	}
	return i, nil
}

// Holder holds the identity in force. The zero value holds none.
type Holder struct{ current atomic.Pointer[Identity] }

// Load gives the identity in force; nil before the first and after the end of the last.
func (h *Holder) Load() *Identity {
	i := h.current.Load()
	if i == nil || !i.now().Before(i.Expires) {
		return nil
	}
	return i
}

// Store takes an identity into force.
func (h *Holder) Store(i *Identity) { h.current.Store(i) }

// Peer is whom a connection is with. Its name counts until its certificate ends.
type Peer struct {
	Name  Name
	Until time.Time
}

// ErrUnknown reports a peer that is nobody whom the manager knows. Its text says why, and names nobody.
var ErrUnknown = errors.New("the peer is not known")

type unknown string

func (u unknown) Error() string        { return string(u) }
func (u unknown) Is(target error) bool { return target == ErrUnknown }

// Accept shakes hands with whoever dialled. Whether the caller has proven a name is told apart from whether the connection stands: one
// without may still be told why nothing is given to it.
func (i *Identity) Accept(ctx context.Context, c net.Conn) (*tls.Conn, Peer, error) {
	conn := tls.Server(c, &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{i.certificate}, NextProtos: []string{Protocol},
		// Every connection proves its name anew.
		ClientAuth: tls.RequestClientCert, SessionTicketsDisabled: true,
	})
	if err := shake(ctx, conn); err != nil {
		return nil, Peer{}, err
	}
	p, err := i.verify(conn.ConnectionState(), x509.ExtKeyUsageClientAuth)
	return conn, p, err
}

// ErrNoSidecar reports that nobody at the other end speaks the protocol of sidecars.
var ErrNoSidecar = errors.New("no sidecar answers")

// Dial shakes hands with whoever was dialled. It fails with ErrNoSidecar where that is no sidecar, and with ErrUnknown where it is one
// that the manager does not know; the connection is of no use then.
func (i *Identity) Dial(ctx context.Context, c net.Conn) (*tls.Conn, Peer, error) {
	var p Peer
	conn := tls.Client(c, &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{i.certificate}, NextProtos: []string{Protocol},
		InsecureSkipVerify: true, //nolint:gosec // no host is to be verified but a name: VerifyConnection does, and nothing else lets it pass
		VerifyConnection: func(s tls.ConnectionState) (err error) {
			p, err = i.verify(s, x509.ExtKeyUsageServerAuth)
			return err
		},
	})
	err := shake(ctx, conn)
	switch {
	case errors.Is(err, ErrUnknown):
		return nil, Peer{}, err
	case err != nil:
		return nil, Peer{}, errors.Join(ErrNoSidecar, err)
	}
	return conn, p, nil
}

func shake(ctx context.Context, c *tls.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	return c.HandshakeContext(ctx)
}

// verify finds the name that a peer has proven.
func (i *Identity) verify(s tls.ConnectionState, use x509.ExtKeyUsage) (Peer, error) {
	if len(s.PeerCertificates) == 0 {
		return Peer{}, unknown("it shows no certificate")
	}
	if s.NegotiatedProtocol != Protocol {
		return Peer{}, unknown("it speaks another protocol")
	}
	leaf, now := s.PeerCertificates[0], i.now()
	switch {
	case !now.Before(leaf.NotAfter):
		return Peer{}, unknown("its certificate has expired")
	case now.Before(leaf.NotBefore) && now.Add(ClockSkew).After(leaf.NotBefore):
		now = leaf.NotBefore
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: i.roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{use}}); err != nil {
		return Peer{}, unknown("nobody trusted signed its certificate")
	}
	name, err := nameOf(leaf)
	switch {
	case err != nil:
		return Peer{}, unknown(err.Error())
	case name.Domain != i.Name.Domain:
		return Peer{}, unknown("it is of another trust domain")
	}
	return Peer{Name: name, Until: leaf.NotAfter}, nil
}

// nameOf reads the one name that a certificate of a workload holds.
func nameOf(leaf *x509.Certificate) (Name, error) {
	if leaf.IsCA || len(leaf.URIs) != 1 || len(leaf.DNSNames)+len(leaf.IPAddresses)+len(leaf.EmailAddresses) != 0 {
		return Name{}, errName
	}
	return ParseName(leaf.URIs[0])
}
