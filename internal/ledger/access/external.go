package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/problem"
)

const (
	// askTimeout bounds one question to an issuer, askAgain how soon an issuer that did not answer is asked again.
	askTimeout = 5 * time.Second
	askAgain   = 10 * time.Second
	// maxExternal bounds a token in bytes.
	maxExternal = 16 << 10
)

// errIssuerAway reports an issuer whose keys cannot be had at present. Who holds a good token is not to blame.
var errIssuerAway = errors.New("the issuer of the token does not answer; try again later")

// errExternal reports a token that proves nothing. It never says what is in the token.
var errExternal = errors.New("the token is refused: signature, audience or validity are wrong")

// external is an issuer outside of the cluster, whose keys are found as OpenID Connect Discovery 1.0 says. It is safe for concurrent use.
type external struct {
	Issuer
	client *http.Client
	now    func() time.Time

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier
	tried    time.Time
}

// claimed is what a verified token of an external issuer says.
type claimed struct {
	subject string
	groups  []string
	// person is whom the token speaks for, nil for nobody.
	person  *consent.Identifier
	expires time.Time
}

func newExternal(i Issuer, now func() time.Time) (*external, error) {
	u, err := url.Parse(i.Issuer)
	if err != nil || u.Host == "" || (u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Host))) {
		return nil, fmt.Errorf("the issuer %q without jwksFile has to be an https URL", i.Issuer)
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	if i.CAFile != "" {
		pem, err := os.ReadFile(i.CAFile)
		if err != nil {
			return nil, fmt.Errorf("the authorities of the issuer %s cannot be read: %w", i.Issuer, err)
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", i.CAFile)
		}
	}
	return &external{Issuer: i, now: now, client: &http.Client{Timeout: askTimeout, Transport: &rested{next: t, said: map[string]said{}}}}, nil
}

// keys finds the issuer's keys once, at the first token. While it does not answer it is not asked for every token.
func (e *external) keys() (*oidc.IDTokenVerifier, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.verifier != nil {
		return e.verifier, nil
	}
	if now := time.Now(); now.Sub(e.tried) < askAgain {
		return nil, errIssuerAway
	}
	e.tried = time.Now()
	// The context lives on: the library fetches new keys with what is in it.
	provider, err := oidc.NewProvider(oidc.ClientContext(context.Background(), e.client), e.Issuer.Issuer)
	if err != nil {
		return nil, errIssuerAway
	}
	e.verifier = provider.Verifier(&oidc.Config{
		ClientID: e.Audience, Now: e.now, SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256, oidc.PS256, oidc.EdDSA},
	})
	return e.verifier, nil
}

// verify checks signature, issuer, audience and validity.
func (e *external) verify(ctx context.Context, token string) (claimed, error) {
	verifier, err := e.keys()
	if err != nil {
		return claimed{}, err
	}
	t, err := verifier.Verify(ctx, token)
	if err != nil {
		return claimed{}, errExternal
	}
	var all map[string]any
	if t.Claims(&all) != nil || t.Subject == "" || strings.HasPrefix(t.Subject, "system:") {
		return claimed{}, errExternal
	}
	c := claimed{subject: t.Subject, expires: t.Expiry}
	if list, ok := all[e.Groups].([]any); ok && e.Groups != "" {
		for _, g := range list {
			if name, ok := g.(string); ok {
				c.groups = append(c.groups, name)
			}
		}
	}
	if e.Person != nil {
		c.person = e.Person.of(all)
	}
	return c, nil
}

// caller is who a token of an external issuer speaks for.
func (e *external) caller(ctx context.Context, rules *rules, token string) (Caller, error) {
	c, err := e.verify(ctx, token)
	switch {
	case errors.Is(err, errIssuerAway):
		return Caller{}, problem.Unavailable(err.Error())
	case err != nil:
		return Caller{}, problem.Unauthenticated(err.Error() + "; sign in again")
	}
	out := Caller{Subject: e.Issuer.Issuer + " " + c.subject, Roles: rules.rolesOf(e.Issuer.Issuer, c.subject, c.groups), Person: c.person, Expires: c.expires}
	if c.person != nil {
		out.Roles = append(out.Roles, RolePerson)
	}
	return out, nil
}

// of gives the person whom a token speaks for; nil if the issuer does not say, or has not verified an address or number.
func (p *PersonClaim) of(claims map[string]any) *consent.Identifier {
	value, ok := claims[p.Claim].(string)
	if !ok || value == "" {
		return nil
	}
	switch p.Type {
	case consent.IdentifierEmail:
		ok = claims["email_verified"] == true
	case consent.IdentifierPhone:
		ok = claims["phone_number_verified"] == true
	case consent.IdentifierCustomer, consent.IdentifierDevice:
	}
	if !ok {
		return nil
	}
	i, err := consent.Normalize(consent.Identifier{Type: p.Type, Value: value})
	if err != nil {
		return nil
	}
	return &i
}

// issuerOf reads who says to have issued a token. It proves nothing: it only chooses who is asked.
func issuerOf(token string) string {
	parts := strings.Split(token, ".")
	if len(token) > maxExternal || len(parts) != 3 {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(raw, &c) != nil {
		return ""
	}
	return c.Issuer
}

// rolesOf gives the roles that the configuration gives to a subject, or to one of its groups, of an issuer.
func (r *rules) rolesOf(issuer, subject string, groups []string) []Role {
	roles := slices.Clone(r.roles[holder{issuer: issuer, subject: subject}])
	for _, g := range groups {
		roles = append(roles, r.roles[holder{issuer: issuer, group: g}]...)
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// holder is who has roles. A subject means something together with its issuer only.
type holder struct{ issuer, subject, group string }
