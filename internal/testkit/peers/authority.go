package peers

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/peer"
)

// Domain is the trust domain.
const Domain = "cluster.test"

// Authority signs identities. It is safe for concurrent use.
type Authority struct {
	t testing.TB

	mu   sync.Mutex
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	// roots are old and new in PEM.
	roots []byte

	// Life of certificates. Change, if set, is done to each before it is signed.
	Life   time.Duration
	Change func(*x509.Certificate)
	// Issuer and Keys are those of tokens.
	Issuer string
	Keys   []byte
}

// NewAuthority makes one whose certificates last an hour.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t, Life: time.Hour}
	a.Rotate()
	return a
}

// Rotate makes a new authority, and remembers the old.
func (a *Authority) Rotate() {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "identities"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.key, a.cert = key, cert
	a.roots = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), a.roots...)
}

// Sign gives a certificate (DER) for a public key (PKIX), and when it ends.
func (a *Authority) Sign(name peer.Name, public []byte) ([]byte, time.Time, error) {
	return a.sign(name, public, a.Change)
}

func (a *Authority) sign(name peer.Name, public []byte, change func(*x509.Certificate)) ([]byte, time.Time, error) {
	key, err := x509.ParsePKIXPublicKey(public)
	if err != nil {
		return nil, time.Time{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), URIs: []*url.URL{name.URI()},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(a.Life), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key, a.key)
	return der, template.NotAfter, err
}

// Authorities gives old and new, in PEM.
func (a *Authority) Authorities(context.Context) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.roots
}

// Tokens gives the issuer of tokens and its keys.
func (a *Authority) Tokens() (string, []byte) { return a.Issuer, a.Keys }

// Domain is the trust domain of all names.
func (*Authority) Domain() string { return Domain }

// Identity is who has a certificate for a key of its own, which is changed before it is signed unless change is nil. It trusts roots (PEM).
func (a *Authority) Identity(name peer.Name, change func(*x509.Certificate), roots []byte) *peer.Identity {
	a.t.Helper()
	who, err := a.TryIdentity(name, change, roots)
	if err != nil {
		a.t.Fatal(err)
	}
	return who
}

// TryIdentity is Identity for certificates that may be none.
func (a *Authority) TryIdentity(name peer.Name, change func(*x509.Certificate), roots []byte) (*peer.Identity, error) {
	c := a.Certificate(name, change)
	return peer.New(c.Certificate, c.PrivateKey.(crypto.Signer), roots)
}

// Certificate is one with a key of its own, for somebody who does with it as they like.
func (a *Authority) Certificate(name peer.Name, change func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	public, perr := x509.MarshalPKIXPublicKey(key.Public())
	if err := errors.Join(err, perr); err != nil {
		a.t.Fatal(err)
	}
	der, _, err := a.sign(name, public, change)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
