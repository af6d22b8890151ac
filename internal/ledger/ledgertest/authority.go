package ledgertest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/identity"
)

// Issuer and Audience of tokens.
const (
	Issuer   = "https://cluster.test"
	Audience = "optup-ledger"
)

// Authority signs tokens as a cluster does, and grants as a manager does.
type Authority struct {
	t      testing.TB
	key    *ecdsa.PrivateKey
	signer jose.Signer
	grants *identity.GrantSigner
}

// NewAuthority makes keys.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, grantKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &Authority{t: t, key: key}
	if a.grants, err = identity.NewGrantSigner(grantKey, time.Now); err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(a.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	if a.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: set.Keys[0].KeyID}}, nil); err != nil {
		t.Fatal(err)
	}
	return a
}

// JWKS is the document with the key that tokens are verified with, GrantJWKS that of grants.
func (a *Authority) JWKS() []byte { return a.jwks(a.key.Public()) }

// GrantJWKS is the document with the key that grants are verified with.
func (a *Authority) GrantJWKS() []byte { return a.jwks(a.grants.Public()) }

func (a *Authority) jwks(key crypto.PublicKey) []byte {
	a.t.Helper()
	raw, err := identity.PublicJWKS(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return raw
}

// Token signs a projected token of a service account, bound to a pod.
func (a *Authority) Token(subject, pod string, life time.Duration) string {
	a.t.Helper()
	return a.TokenFor(subject, Audience, pod, life)
}

// TokenFor signs one for another audience.
func (a *Authority) TokenFor(subject, audience, pod string, life time.Duration) string {
	a.t.Helper()
	parts := strings.Split(subject, ":")
	token, err := jwt.Signed(a.signer).Claims(map[string]any{
		"iss": Issuer, "aud": []string{audience}, "sub": subject, "exp": time.Now().Add(life).Unix(),
		"kubernetes.io": map[string]any{
			"namespace": parts[2], "serviceaccount": map[string]any{"name": parts[3]}, "pod": map[string]any{"name": "pod", "uid": pod},
		},
	}).Serialize()
	if err != nil {
		a.t.Fatal(err)
	}
	return token
}

// Grant signs what the sidecar of a pod may read.
func (a *Authority) Grant(subject, pod string, life time.Duration, purposes ...consent.PurposeID) string {
	a.t.Helper()
	token, err := a.grants.Sign(identity.Grant{
		Subject: subject, PodUID: pod, Namespace: "shop", Workload: "Deployment/mailer", Controller: Controller, Purposes: purposes,
		Expires: time.Now().Add(life),
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return token
}

// GrantTo signs what the sidecar of a pod may read, and what it may tell of people.
func (a *Authority) GrantTo(subject, pod string, purposes []consent.PurposeID, tells ...identity.Restriction) string {
	a.t.Helper()
	token, err := a.grants.Sign(identity.Grant{
		Subject: subject, PodUID: pod, Namespace: "shop", Workload: "Deployment/mailer", Controller: Controller, Purposes: purposes,
		Restrictions: tells, Expires: time.Now().Add(time.Hour),
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return token
}

// Log collects what is logged.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is everything so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
