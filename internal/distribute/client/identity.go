package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"

	"github.com/optup/optup/internal/peer"
)

// Identity is who a sidecar is to others, and how those prove who they are that have no sidecar.
type Identity struct {
	*peer.Identity
	// TokenIssuer and TokenKeys (JWKS) verify tokens; empty where no service is provided.
	TokenIssuer string
	TokenKeys   []byte
}

// newKey makes the pair of one stream. A new one with each stream bounds the life of a key to that of the token.
func newKey() (key *ecdsa.PrivateKey, public []byte, err error) {
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, nil, err
	}
	public, err = x509.MarshalPKIXPublicKey(key.Public())
	return key, public, err
}

// identity joins what the manager signed with the key of the stream.
func (c *client) identity(m *identityWire) (*Identity, error) {
	if m == nil {
		return nil, nil //nolint:nilnil // none was sent
	}
	who, err := peer.New(m.Certificates, c.key, []byte(m.Authorities))
	if err != nil {
		return nil, err
	}
	return &Identity{Identity: who, TokenIssuer: m.TokenIssuer, TokenKeys: m.TokenKeys}, nil
}
