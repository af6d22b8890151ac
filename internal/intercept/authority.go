package intercept

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Lives of certificates. A leaf outlives a manager that is away for a night; an authority outlives most pods, which learn of a new one
// when they are made anew.
const (
	AuthorityLife = 2 * 365 * 24 * time.Hour
	LeafLife      = 24 * time.Hour
	// skew is how far the clocks of applications may be behind.
	skew = 10 * time.Minute
)

// Authority signs leaves for the hosts that its own certificate names, and for no others: whoever trusts it trusts it for those alone,
// even if its key were stolen (RFC 5280 §4.2.1.10).
type Authority struct {
	Certificate *x509.Certificate
	key         crypto.Signer
}

// NewAuthority makes an authority for some hosts. Name is for people who read certificates.
func NewAuthority(name string, hosts []string, now time.Time) (*Authority, error) {
	if len(hosts) == 0 {
		return nil, errors.New("an authority needs hosts: without any it would be one for all")
	}
	for _, h := range hosts {
		if !Interceptable(h) {
			return nil, fmt.Errorf("host %q cannot be intercepted; TLS names hosts, and no addresses", h)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	hosts = slices.Clone(hosts)
	slices.Sort(hosts)
	t := &x509.Certificate{
		SerialNumber: serial,
		// Two authorities of a namespace never share a name: verifiers look for the issuer by it, and take the first.
		Subject:   pkix.Name{Organization: []string{"OptUp"}, CommonName: fmt.Sprintf("%.40s %x", name, serial.Bytes()[:6])},
		NotBefore: now.Add(-skew), NotAfter: now.Add(AuthorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: slices.Compact(hosts), ExcludedIPRanges: everyAddress(),
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{c, key}, nil
}

// Interceptable tells whether TLS can name a host: clients send no server name for an address (RFC 6066 §3).
func Interceptable(host string) bool {
	_, err := netip.ParseAddr(host)
	return err != nil && host != "" && !strings.ContainsAny(host, "*:/ ")
}

func everyAddress() []*net.IPNet {
	return []*net.IPNet{{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, {IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}}
}

func newSerial() (*big.Int, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return nil, err
	}
	b[0] = b[0]&0x7f | 0x40 // positive, and of full length
	return new(big.Int).SetBytes(b), nil
}

// ReadAuthority reads an authority's certificate and its key, both in PEM.
func ReadAuthority(certificate, key []byte) (*Authority, error) {
	block, _ := pem.Decode(certificate)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("the authority's certificate is not in PEM")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the authority's certificate cannot be read: %w", err)
	}
	if !c.IsCA || !c.BasicConstraintsValid {
		return nil, errors.New("the certificate is no authority's; make one with basicConstraints CA:TRUE")
	}
	signer, err := readKey(key)
	if err != nil {
		return nil, err
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(c.PublicKey) {
		return nil, errors.New("the key is not that of the authority's certificate")
	}
	return &Authority{c, signer}, nil
}

// readKey repeats nothing of what it was given.
func readKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the authority's key is not in PEM")
	}
	if k, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if s, ok := k.(crypto.Signer); ok {
			return s, nil
		}
	}
	return nil, errors.New("the authority's key cannot be read; give it in PKCS 8 and without a password")
}

// PEM gives the certificate, which is public, and the key, which is not.
func (a *Authority) PEM() (certificate, key []byte, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, nil, err
	}
	return certificatePEM(a.Certificate.Raw), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// Covers tells whether applications accept a leaf for a host from this authority.
func (a *Authority) Covers(host string) bool {
	return len(a.Certificate.PermittedDNSDomains) == 0 || slices.Contains(a.Certificate.PermittedDNSDomains, host)
}

// ID names the authority's certificate: the beginning of its SHA-256.
func (a *Authority) ID() string { return ID(a.Certificate.Raw) }

// ID names a certificate.
func ID(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:8])
}

// Leaf signs a certificate for one host and a public key. It is never valid for longer than the authority.
func (a *Authority) Leaf(host string, public crypto.PublicKey, now time.Time) ([]byte, error) {
	if !Interceptable(host) || !a.Covers(host) {
		return nil, fmt.Errorf("the authority is not for host %q", host)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{Organization: []string{"OptUp"}}, DNSNames: []string{host},
		NotBefore: now.Add(-skew), NotAfter: now.Add(LeafLife), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if len(host) <= 64 { // ub-common-name
		t.Subject.CommonName = host
	}
	if t.NotAfter.After(a.Certificate.NotAfter) {
		t.NotAfter = a.Certificate.NotAfter
	}
	return x509.CreateCertificate(rand.Reader, t, a.Certificate, public, a.key)
}
