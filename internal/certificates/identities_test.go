package certificates

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"testing"

	"github.com/optup/optup/internal/peer"
)

func TestWhatACertificateOfAWorkloadIsMadeOf(t *testing.T) {
	name := peer.Name{Domain: "cluster.local", Namespace: "shop", Account: "mailer", Workload: "deployment-mailer-0a1b2c3d"}
	public := func(curve elliptic.Curve) []byte {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	c, err := identityTemplate(name, public(elliptic.P256()))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.URIs) != 1 || c.URIs[0].String() != "spiffe://cluster.local/ns/shop/sa/mailer/wl/deployment-mailer-0a1b2c3d" ||
		c.IsCA || len(c.DNSNames) != 0 || c.KeyUsage != x509.KeyUsageDigitalSignature || c.SerialNumber.BitLen() < 64 {
		t.Errorf("%+v", c)
	}
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := x509.MarshalPKIXPublicKey(edwards)
	if err != nil {
		t.Fatal(err)
	}
	bad := name
	bad.Account = "mailer/wl/other"
	for what, key := range map[string][]byte{"no key": nil, "nonsense": []byte("key"), "another curve": public(elliptic.P384()), "another kind": other} {
		if _, err := identityTemplate(name, key); err == nil {
			t.Errorf("%s is signed", what)
		}
	}
	if _, err := identityTemplate(bad, public(elliptic.P256())); err == nil {
		t.Error("a name with the parts of another is signed")
	}
	if _, err := identityTemplate(peer.Name{Domain: "cluster.local", Namespace: "shop", Workload: "x"}, public(elliptic.P256())); err == nil {
		t.Error("a name without a service account is signed")
	}
}
