package server

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/optup/optup/internal/distribute/configv1"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/peer"
)

// Identities signs who sidecars are. Implementations are safe for concurrent use.
type Identities interface {
	// Sign gives a certificate (DER) that names a workload, for a public key (PKIX, DER), and when it ends.
	Sign(name peer.Name, publicKey []byte) (certificate []byte, expires time.Time, err error)
	// Authorities gives those in force, old and new, in PEM; nil while there are none.
	Authorities(ctx context.Context) []byte
	// Tokens gives the issuer of tokens of callers without a sidecar, and the keys (JWKS) that they are verified with.
	Tokens() (issuer string, keys []byte)
	// Domain is the trust domain of all names.
	Domain() string
}

// identified is what was sent of the caller's identity.
type identified struct {
	// key is the caller's public key; without one it gets no certificate.
	key []byte
	// hash is that of the bundle that was looked at, needed and provider what it says.
	hash             string
	needed, provider bool
	authorities      []byte
	renew            time.Time
}

// addIdentity adds a certificate where the bundle needs one and the last is not good for long, or others' authorities changed.
func (w *watch) addIdentity(ctx context.Context, m *configv1.WatchResponse, p Published) error {
	x := &w.identity
	if w.s.Identities == nil || len(x.key) == 0 {
		return nil
	}
	if x.hash != p.Hash {
		b, err := ir.Decode(p.Bundle)
		if err != nil {
			return fmt.Errorf("the published bundle cannot be read: %w", err)
		}
		x.hash, x.provider, x.needed = p.Hash, len(b.Provides) > 0, len(b.Provides) > 0
		for i := range b.Services {
			x.needed = x.needed || len(b.Services[i].Providers) > 0
		}
	}
	authorities, now := w.s.Identities.Authorities(ctx), w.s.Now()
	if !x.needed || len(authorities) == 0 || (now.Before(x.renew) && bytes.Equal(authorities, x.authorities)) {
		return nil
	}
	name := peer.Name{Domain: w.s.Identities.Domain(), Namespace: w.caller.Namespace, Account: w.who.ServiceAccount, Workload: w.caller.Config}
	certificate, expires, err := w.s.Identities.Sign(name, x.key)
	if err != nil {
		return fmt.Errorf("the caller's certificate could not be signed: %w", err)
	}
	m.Identity = &configv1.Identity{Certificates: [][]byte{certificate}, Authorities: string(authorities)}
	if x.provider {
		m.Identity.TokenIssuer, m.Identity.TokenKeys = w.s.Identities.Tokens()
	}
	x.authorities, x.renew = authorities, now.Add(expires.Sub(now)/2)
	return nil
}
