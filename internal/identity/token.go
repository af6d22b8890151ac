package identity

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// ErrRefused reports a token or grant that proves nothing. Its text says what is wrong with it, never what is in it.
var ErrRefused = errors.New("the token is refused")

// ProviderAudience is whom the tokens of callers without a sidecar are for: the sidecars of services.
const ProviderAudience = "optup-provider"

// maxToken bounds a token in bytes; projected tokens have about one kibibyte.
const maxToken = 16 << 10

// skew is how far the issuer's clock may be ahead. Expiry gets none: a token ends when it says so.
const skew = 10 * time.Second

// Identity is who a verified token speaks for.
type Identity struct {
	// Issuer is who issued the token.
	Issuer string
	// Subject is the "sub" claim, for example "system:serviceaccount:shop:mailer".
	Subject string
	// Namespace, ServiceAccount, PodName and PodUID are of a Kubernetes service account; the pod's are empty if the token is not
	// bound to one.
	Namespace      string
	ServiceAccount string
	PodName        string
	PodUID         string
	// Expires is when the token ends; streams that were opened with it end then, too.
	Expires time.Time
}

// Issuer is one issuer of tokens that is trusted, and the audience that it has to name.
type Issuer struct {
	Issuer   string
	Audience string
	Keys     KeySource
}

// Verifier verifies projected service account tokens. It is immutable and safe for concurrent use.
type Verifier struct {
	now     func() time.Time
	issuers []Issuer
}

// NewVerifier returns a verifier that trusts the given issuers. Now is the clock against which validity is checked.
func NewVerifier(now func() time.Time, issuers ...Issuer) *Verifier {
	return &Verifier{now: now, issuers: slices.Clone(issuers)}
}

type kubernetesClaim struct {
	Namespace      string `json:"namespace"`
	ServiceAccount struct {
		Name string `json:"name"`
	} `json:"serviceaccount"`
	Pod struct {
		Name string `json:"name"`
		UID  string `json:"uid"`
	} `json:"pod"`
}

// Verify checks signature (RS256 or ES256), issuer, audience and validity. Errors wrap ErrRefused.
func (v *Verifier) Verify(token string) (Identity, error) {
	for _, i := range v.issuers {
		var claims jwt.Claims
		var k8s struct {
			Kubernetes *kubernetesClaim `json:"kubernetes.io"`
		}
		expires, err := verify(token, i.Keys, []jose.SignatureAlgorithm{jose.RS256, jose.ES256}, i.Issuer, i.Audience, v.now(), &claims, &k8s)
		if errors.Is(err, errIssuer) {
			continue
		}
		if err != nil {
			return Identity{}, err
		}
		id := Identity{Issuer: i.Issuer, Subject: claims.Subject, Expires: expires}
		return id, id.kubernetes(k8s.Kubernetes)
	}
	return Identity{}, errIssuer
}

// kubernetes takes over what the cluster says about the caller. A subject and a claim that disagree were not written by a cluster.
func (id *Identity) kubernetes(c *kubernetesClaim) error {
	if c == nil {
		if strings.HasPrefix(id.Subject, "system:") || id.Subject == "" {
			return refuse("its subject needs a kubernetes.io claim")
		}
		return nil
	}
	if id.Subject != "system:serviceaccount:"+c.Namespace+":"+c.ServiceAccount.Name || c.Namespace == "" || c.ServiceAccount.Name == "" {
		return refuse("its subject and its kubernetes.io claim differ")
	}
	id.Namespace, id.ServiceAccount, id.PodName, id.PodUID = c.Namespace, c.ServiceAccount.Name, c.Pod.Name, c.Pod.UID
	return nil
}

var errIssuer = refuse("nobody trusted issued it with a known key")

type refusal string

func (r refusal) Error() string        { return ErrRefused.Error() + ": " + string(r) }
func (r refusal) Is(target error) bool { return target == ErrRefused }

func refuse(why string) error { return refusal(why) }

// verify checks one compact JWS and reads its claims into claims and more. It returns when the token ends.
func verify(token string, keys KeySource, algs []jose.SignatureAlgorithm, issuer, audience string, now time.Time,
	claims *jwt.Claims, more ...any,
) (time.Time, error) {
	var none time.Time
	if len(token) == 0 || len(token) > maxToken {
		return none, refuse("it is empty or too long")
	}
	parsed, err := jwt.ParseSigned(token, algs)
	if err != nil || len(parsed.Headers) != 1 {
		return none, refuse("it is no compact JWS with an accepted algorithm")
	}
	header := parsed.Headers[0]
	key, ok := keys.Key(header.KeyID)
	if !ok || header.KeyID == "" || (key.Algorithm != "" && key.Algorithm != header.Algorithm) {
		return none, errIssuer
	}
	if err := parsed.Claims(key.Key, append([]any{claims}, more...)...); err != nil {
		return none, refuse("its signature or its claims are wrong")
	}
	switch {
	case issuer == "" || claims.Issuer != issuer:
		return none, errIssuer
	case audience == "" || !slices.Contains(claims.Audience, audience):
		return none, refuse("it is for another audience")
	case claims.Expiry == nil:
		return none, refuse("it never expires")
	case !now.Before(claims.Expiry.Time()):
		return none, refuse("it has expired")
	case claims.NotBefore != nil && now.Add(skew).Before(claims.NotBefore.Time()):
		return none, refuse("it is not valid yet")
	}
	return claims.Expiry.Time(), nil
}
