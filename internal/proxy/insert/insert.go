package insert

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/ir"
)

// Unavailable is why there is nothing to insert: what callers and logs are told. It quotes no value.
type Unavailable struct{ Sentence string }

// Error implements error.
func (u *Unavailable) Error() string { return u.Sentence }

var missing = &Unavailable{"The sidecar has no credential for this service, so nothing is sent. The condition CredentialReady of the DataService says what to do."}

// Source readies credentials. Set its fields before the first use; it is safe for concurrent use.
type Source struct {
	Values *credential.Store
	// RoundTrip reaches token endpoints. It follows no redirects, and verifies certificates with authorities (PEM; the public ones if empty).
	RoundTrip func(authorities string, r *http.Request) (*http.Response, error)
	// Asked is told what became of each question for a token; nil for nobody.
	Asked func(service string, err error)
	// Now is nil for the clock.
	Now func() time.Time

	mu     sync.Mutex
	ready  map[string]*Credential
	tokens map[string]*tokens
}

// Credential is what is inserted into the requests to one service.
type Credential struct {
	declared      *ir.Credential
	value         credential.Secret
	header, query string
	// sent is the header's value, or the parameter's.
	sent credential.Secret
	// forms are how answers might spell what was sent.
	forms []credential.Secret
}

// Ready gives what is inserted into a request to a service now. It fails with Unavailable.
func (s *Source) Ready(ctx context.Context, service string, c *ir.Credential) (*Credential, error) {
	value, ok := s.Values.Get(service, c.ID)
	if !ok {
		return nil, missing
	}
	if c.Type == ir.CredentialOAuth2 {
		t, err := s.tokensOf(service, c.OAuth2, value)
		if err != nil {
			return nil, err
		}
		if value, err = t.get(ctx); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if had := s.ready[service]; had != nil && had.declared == c && had.value.Equal(value) {
		return had, nil
	}
	made, err := prepare(c, value)
	if err != nil {
		return nil, err
	}
	if s.ready == nil {
		s.ready = map[string]*Credential{}
	}
	s.ready[service] = made
	return made, nil
}

// Refused tells that a service answered 401 to a credential: a token may have been revoked before its time.
func (s *Source) Refused(service string, c *Credential) {
	s.mu.Lock()
	t := s.tokens[service]
	s.mu.Unlock()
	if t != nil && c.declared.Type == ir.CredentialOAuth2 {
		t.refused(c.value)
	}
}

func prepare(c *ir.Credential, value credential.Secret) (*Credential, error) {
	text, err := credential.Text([]byte(value.Reveal()))
	if err != nil {
		return nil, missing
	}
	plain := text.Reveal()
	out := &Credential{declared: c, value: value, forms: forms(plain)}
	switch c.Type {
	case ir.CredentialHeader:
		out.header, out.sent = c.Header, credential.New(c.Prefix+plain)
	case ir.CredentialOAuth2:
		out.header, out.sent = "Authorization", credential.New("Bearer "+plain)
	case ir.CredentialBasic:
		if c.Username != "" {
			plain = c.Username + ":" + plain
		}
		_, password, ok := strings.Cut(plain, ":")
		if !ok {
			return nil, missing
		}
		pair := base64.StdEncoding.EncodeToString([]byte(plain))
		out.header, out.sent = "Authorization", credential.New("Basic "+pair)
		out.forms = append(append(forms(pair), forms(plain)...), forms(password)...)
	case ir.CredentialQuery:
		out.query, out.sent = c.Query, text
	default:
		return nil, missing
	}
	return out, nil
}

// Into inserts the credential into a request, from which what the application brought was taken out.
func (c *Credential) Into(out *http.Request) {
	if c.header != "" {
		out.Header[c.header] = []string{c.sent.Reveal()}
		return
	}
	parameter := c.query + "=" + url.QueryEscape(c.sent.Reveal())
	if out.URL.RawQuery != "" {
		parameter = out.URL.RawQuery + "&" + parameter
	}
	out.URL.RawQuery, out.URL.ForceQuery = parameter, false
}
