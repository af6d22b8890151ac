package certificates

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"net/url"
	"time"

	"github.com/cert-manager/cert-manager/pkg/server/tls/authority"

	"github.com/optup/optup/internal/peer"
)

// lives of what proves identities. A sidecar gets a new certificate after half of its life.
const (
	identityAuthorityLife = 90 * 24 * time.Hour
	identityLife          = time.Hour
)

// Identities signs who sidecars are to each other. Its authority signs nothing else, and no server is verified with it.
type Identities struct{ authority *authority.DynamicAuthority }

// NewIdentities returns a signer, which has nothing before Start. DNSNames of the options do not count.
func NewIdentities(o Options) *Identities {
	return &Identities{&authority.DynamicAuthority{
		RESTConfig: o.RESTConfig, SecretNamespace: o.Namespace, SecretName: o.Secret, SecretLabels: o.Labels,
		CommonName: "OptUp identities", CADuration: identityAuthorityLife, LeafDuration: identityLife,
	}}
}

// Start keeps the authority until ctx ends.
func (s *Identities) Start(ctx context.Context) error {
	err := s.authority.Run(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// NeedLeaderElection tells that every replica signs.
func (s *Identities) NeedLeaderElection() bool { return false }

// Sign gives a certificate (DER) that names a workload, for a public key (PKIX, DER), and when it ends.
func (s *Identities) Sign(name peer.Name, publicKey []byte) ([]byte, time.Time, error) {
	template, err := identityTemplate(name, publicKey)
	if err != nil {
		return nil, time.Time{}, err
	}
	signed, err := s.authority.Sign(template)
	if err != nil {
		return nil, time.Time{}, err
	}
	return signed.Raw, signed.NotAfter, nil
}

// identityTemplate is all that a certificate of a workload holds, but for its times, which are the authority's to set.
func identityTemplate(name peer.Name, publicKey []byte) (*x509.Certificate, error) {
	if _, err := peer.ParseName(name.URI()); err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(publicKey)
	if err != nil {
		return nil, errors.New("the public key cannot be read; send PKIX in DER")
	}
	if k, ok := key.(*ecdsa.PublicKey); !ok || k.Curve != elliptic.P256() {
		return nil, errors.New("the public key is of another kind; send one of ECDSA on P-256")
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial, PublicKey: key, PublicKeyAlgorithm: x509.ECDSA, URIs: []*url.URL{name.URI()}, Version: 3,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, nil
}
