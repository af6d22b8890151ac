package identity

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/optup/optup/internal/consent"
)

// Issuer and audience of ledger grants.
const (
	GrantIssuer   = "optup-manager"
	GrantAudience = "optup-ledger"
)

// Grant says which purposes one pod may read from the ledger of one controller.
type Grant struct {
	// Subject is the service account, "system:serviceaccount:<namespace>:<name>"; PodUID the pod that the grant is bound to.
	Subject string
	PodUID  string
	// Namespace and Workload say what the pod belongs to, for example "shop" and "Deployment/mailer".
	Namespace string
	Workload  string
	// Controller is the legal entity whose ledger may be read.
	Controller string
	Purposes   []consent.PurposeID
	// Restrictions are what the pod may tell the ledger of people, and nothing else.
	Restrictions []Restriction
	// Expires is when the grant ends, in whole seconds.
	Expires time.Time
}

// Restriction is one kind of event that a pod may tell of people who use a service: a withdrawal or an objection, and what it is about.
type Restriction struct {
	// Service is "namespace/name" of the DataService.
	Service string            `json:"s"`
	Type    consent.EventType `json:"t"`
	Scope   consent.Scope     `json:"o,omitempty"`
	Channel consent.Channel   `json:"c,omitempty"`
	Purpose consent.PurposeID `json:"p,omitempty"`
}

type grantClaims struct {
	PodUID     string              `json:"pod_uid"`
	Namespace  string              `json:"namespace"`
	Workload   string              `json:"workload"`
	Controller string              `json:"controller"`
	Purposes   []consent.PurposeID `json:"purposes"`
	// Restrictions is a claim that ledgers of before do not know, and that gives nothing there.
	Restrictions []Restriction `json:"restrictions,omitempty"`
}

// GrantSigner signs grants. It is safe for concurrent use.
type GrantSigner struct {
	signer jose.Signer
	now    func() time.Time
	public ed25519.PublicKey
}

// NewGrantSigner returns a signer with an Ed25519 key. Verifiers find the public key by its thumbprint (see PublicJWKS).
func NewGrantSigner(key ed25519.PrivateKey, now func() time.Time) (*GrantSigner, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, errors.New("the grant key is no Ed25519 private key; generate a new one")
	}
	public := key.Public().(ed25519.PublicKey)
	id, err := keyID(public)
	if err != nil {
		return nil, err
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: id}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, errors.New("the grant key cannot sign; generate a new one")
	}
	return &GrantSigner{signer: s, now: now, public: public}, nil
}

// Public is the key that verifies the grants of this signer.
func (s *GrantSigner) Public() ed25519.PublicKey { return s.public }

// Sign writes a grant as a compact JWS. A grant without a pod, or one that has ended, is not signed.
func (s *GrantSigner) Sign(g Grant) (string, error) {
	now := s.now()
	if g.Subject == "" || g.PodUID == "" || g.Controller == "" || !g.Expires.After(now) {
		return "", errors.New("a grant needs a subject, a pod, a controller and an end in the future")
	}
	token, err := jwt.Signed(s.signer).Claims(jwt.Claims{
		Issuer: GrantIssuer, Audience: jwt.Audience{GrantAudience}, Subject: g.Subject,
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(g.Expires),
	}).Claims(grantClaims{
		PodUID: g.PodUID, Namespace: g.Namespace, Workload: g.Workload, Controller: g.Controller, Purposes: g.Purposes,
		Restrictions: g.Restrictions,
	}).Serialize()
	if err != nil {
		return "", errors.New("the grant cannot be signed; check the grant key")
	}
	return token, nil
}

// GrantVerifier verifies grants for one controller. It is immutable and safe for concurrent use.
type GrantVerifier struct {
	keys       KeySource
	controller string
	now        func() time.Time
}

// NewGrantVerifier returns a verifier for the ledger of a controller.
func NewGrantVerifier(keys KeySource, controller string, now func() time.Time) *GrantVerifier {
	return &GrantVerifier{keys: keys, controller: controller, now: now}
}

// Verify checks a grant and that it belongs to the caller, whose token has been verified: same service account, same pod.
func (v *GrantVerifier) Verify(token string, caller Identity) (Grant, error) {
	var claims jwt.Claims
	var more grantClaims
	expires, err := verify(token, v.keys, []jose.SignatureAlgorithm{jose.EdDSA}, GrantIssuer, GrantAudience, v.now(), &claims, &more)
	switch {
	case err != nil:
		return Grant{}, err
	case claims.Subject == "" || claims.Subject != caller.Subject:
		return Grant{}, refuse("the grant is for another service account")
	case more.PodUID == "" || more.PodUID != caller.PodUID:
		return Grant{}, refuse("the grant is for another pod")
	case v.controller == "" || more.Controller != v.controller:
		return Grant{}, refuse("the grant is for the ledger of another controller")
	}
	return Grant{
		Subject: claims.Subject, PodUID: more.PodUID, Namespace: more.Namespace, Workload: more.Workload,
		Controller: more.Controller, Purposes: more.Purposes, Restrictions: more.Restrictions, Expires: expires,
	}, nil
}

func keyID(k crypto.PublicKey) (string, error) {
	thumb, err := (&jose.JSONWebKey{Key: k}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", errors.New("the public key is of an unknown kind; use Ed25519, ECDSA or RSA")
	}
	return base64.RawURLEncoding.EncodeToString(thumb), nil
}
