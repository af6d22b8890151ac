package manager

import (
	"context"
	"time"

	"github.com/optup/optup/controllers"
	"github.com/optup/optup/internal/certificates"
	"github.com/optup/optup/internal/distribute/server"
)

// peers is who sidecars are to each other.
type peers struct {
	*certificates.Identities
	roots  *controllers.Identities
	domain string
	tokens func() (issuer string, keys []byte)
}

var _ server.Identities = (*peers)(nil)

// Authorities implements server.Identities.
func (p *peers) Authorities(ctx context.Context) []byte { return p.roots.Authorities(ctx) }

// Domain implements server.Identities.
func (p *peers) Domain() string { return p.domain }

// Tokens implements server.Identities.
func (p *peers) Tokens() (string, []byte) { return p.tokens() }

// peerIdentities makes what signs the identities of sidecars, and keeps the authorities that they are verified with.
func (p *parts) peerIdentities() (*peers, error) {
	signer := certificates.NewIdentities(certificates.Options{
		RESTConfig: p.config, Namespace: p.options.Namespace, Secret: controllers.IdentityCASecret,
		Labels: map[string]string{"app.kubernetes.io/managed-by": "optup"},
	})
	if err := p.manager.Add(signer); err != nil {
		return nil, err
	}
	roots := &controllers.Identities{Client: p.manager.GetClient(), Namespace: p.options.Namespace, Now: time.Now}
	if err := roots.SetupWithManager(p.manager); err != nil {
		return nil, err
	}
	return &peers{
		Identities: signer, roots: roots, domain: p.options.TrustDomain,
		tokens: func() (string, []byte) { return p.issuer.name(), p.keys.JWKS() },
	}, nil
}
