package roots

import (
	"crypto/x509"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

func TestEveryAuthorityOfMozillaCounts(t *testing.T) {
	pool, n := mozillas(), 0
	for root := range bundle.Roots() {
		c, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		n++
		if root.Constraint != nil {
			continue // it counts for certificates from before some date only
		}
		if _, err := c.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: c.NotBefore, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			t.Errorf("%s: %v", c.Subject, err)
		}
	}
	if n < 50 {
		t.Errorf("%d authorities", n)
	}
	Ready()
	Ready() // a second time is no mistake
}
