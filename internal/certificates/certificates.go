package certificates

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"time"

	certtls "github.com/cert-manager/cert-manager/pkg/server/tls"
	"github.com/cert-manager/cert-manager/pkg/server/tls/authority"
	"k8s.io/client-go/rest"
)

// Options say where the authority lives.
type Options struct {
	RESTConfig *rest.Config
	// Namespace, Secret and Labels of the authority's Secret.
	Namespace, Secret string
	Labels            map[string]string
	// DNSNames that the manager serves under.
	DNSNames []string
}

// lives of certificates. Leaves are renewed after two thirds.
const (
	authorityLife = 365 * 24 * time.Hour
	leafLife      = 7 * 24 * time.Hour
)

// Source is the authority and the manager's own certificate. Run it on every replica.
type Source struct {
	authority *authority.DynamicAuthority
	leaf      *certtls.DynamicSource
}

// New returns a source, which has nothing before Start.
func New(o Options) *Source {
	a := &authority.DynamicAuthority{
		RESTConfig: o.RESTConfig, SecretNamespace: o.Namespace, SecretName: o.Secret, SecretLabels: o.Labels,
		CommonName: "OptUp authority", CADuration: authorityLife, LeafDuration: leafLife,
	}
	return &Source{authority: a, leaf: &certtls.DynamicSource{DNSNames: o.DNSNames, Authority: a}}
}

// Start keeps the authority and the certificate until ctx ends.
func (s *Source) Start(ctx context.Context) error {
	err := s.leaf.Start(ctx) // runs the authority, too
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// NeedLeaderElection tells that every replica serves.
func (s *Source) NeedLeaderElection() bool { return false }

// GetCertificate gives the certificate to serve with; it fails before there is one.
func (s *Source) GetCertificate(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.leaf.GetCertificate(h)
}

// Ready tells whether there is a certificate.
func (s *Source) Ready() bool { return s.leaf.Healthy() }

// Sign makes a key and a serving certificate for DNS names, in PEM.
func (s *Source) Sign(names []string) (certificate, key []byte, err error) {
	if len(names) == 0 {
		return nil, nil, errors.New("a certificate needs a name")
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	signed, err := s.authority.Sign(&x509.Certificate{
		SerialNumber: serial, PublicKey: private.Public(), PublicKeyAlgorithm: x509.ECDSA, Subject: pkix.Name{CommonName: "optup"}, DNSNames: names,
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(leafLife), Version: 3,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed.Raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
