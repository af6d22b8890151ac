package roots

import (
	"crypto/x509"
	"sync"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Ready makes Mozilla's authorities those that count in this process where the system has none. It is safe for concurrent use, and does
// nothing after the first time.
func Ready() { once.Do(func() { x509.SetFallbackRoots(mozillas()) }) }

var once sync.Once

// All gives the certificates of Mozilla's authorities, in DER.
func All() (out [][]byte) {
	for root := range bundle.Roots() {
		out = append(out, root.Certificate)
	}
	return out
}

// mozillas are the authorities with the constraints that a certificate cannot express, such as a date from which one issues no more. One
// that cannot be read is left out: that trusts less.
func mozillas() *x509.CertPool {
	p := x509.NewCertPool()
	for root := range bundle.Roots() {
		c, err := x509.ParseCertificate(root.Certificate)
		switch {
		case err != nil:
		case root.Constraint != nil:
			p.AddCertWithConstraint(c, root.Constraint)
		default:
			p.AddCert(c)
		}
	}
	return p
}
