package ir

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// CredentialType is where a credential stands in requests.
type CredentialType string

// Types of credentials.
const (
	// CredentialHeader stands in Header after Prefix, as bearer tokens do.
	CredentialHeader CredentialType = "Header"
	// CredentialBasic stands in Authorization with a user (RFC 7617).
	CredentialBasic CredentialType = "Basic"
	// CredentialQuery is a query parameter.
	CredentialQuery CredentialType = "Query"
	// CredentialOAuth2 is a bearer token that is obtained for it (RFC 6749 §4.4).
	CredentialOAuth2 CredentialType = "OAuth2"
)

// OwnCredential is what becomes of a credential that an application sends itself.
type OwnCredential string

// What becomes of it.
const (
	OwnRefuse  OwnCredential = "Refuse"
	OwnReplace OwnCredential = "Replace"
)

// Credential says what a sidecar inserts into the requests that it sends to a service, but for the value itself: no bundle ever holds one.
type Credential struct {
	// ID names the value among those of the service (see ValueID).
	ID   string         `json:"id"`
	Type CredentialType `json:"type"`
	// Header, in canonical spelling, and Prefix are for type Header.
	Header string `json:"header,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	// Query is the parameter's name.
	Query string `json:"query,omitempty"`
	// Username is for type Basic; empty where the value is "user:password".
	Username string        `json:"username,omitempty"`
	Own      OwnCredential `json:"own"`
	OAuth2   *OAuth2       `json:"oauth2,omitempty"`
}

// OAuth2 says how a token is obtained with the value, which is the client's secret.
type OAuth2 struct {
	TokenURL string `json:"tokenUrl"`
	// Authorities are the certificates (PEM) that the token endpoint's own is verified with instead of the public roots; empty for those.
	Authorities string `json:"authorities,omitempty"`
	// ClientID is the client's name, or ClientIDValue the ID of the value that is.
	ClientID      string `json:"clientId,omitempty"`
	ClientIDValue string `json:"clientIdValue,omitempty"`
	// InBody puts id and secret into the body instead of the header Authorization.
	InBody   bool     `json:"inBody,omitempty"`
	Scopes   []string `json:"scopes,omitempty"`
	Audience string   `json:"audience,omitempty"`
}

// ValueID names a value by where it is kept, the name of a Secret in the service's namespace and the key in it, and by the hosts that it is
// sent to, if any. Whoever has a bundle that sends it elsewhere, older or newer, so asks for another value, and has no use of this one.
func ValueID(secret, key string, hosts ...string) string {
	id := secret + "/" + key
	if len(hosts) == 0 {
		return id
	}
	hosts = slices.Clone(hosts)
	slices.Sort(hosts)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(hosts), ",")))
	return id + hostsMark + hex.EncodeToString(sum[:8])
}

// hostsMark stands before the hosts in an id; neither names of Secrets nor keys have it.
const hostsMark = "@"

// KeptAs gives the "secret/key" of a value's id.
func (v Value) KeptAs() string {
	name, _, _ := strings.Cut(v.ID, hostsMark)
	return name
}

// Value names a value that is never in a bundle and that a sidecar needs besides.
type Value struct {
	// Service is "namespace/name" of the DataService that declares it.
	Service string
	ID      string
}

// Values lists what a sidecar needs besides the bundle: the credentials of services that some rule refers to, and the secrets that callbacks
// are verified with, sorted. Who has no rule for a service has no use for its credential.
func Values(b *Bundle) []Value {
	var out []Value
	for i := range b.Services {
		s := &b.Services[i]
		c := s.Credential
		if c == nil || !slices.ContainsFunc(b.Rules, func(r Rule) bool { return r.Service == s.Name }) {
			continue
		}
		out = append(out, Value{s.Name, c.ID})
		if c.OAuth2 != nil && c.OAuth2.ClientIDValue != "" {
			out = append(out, Value{s.Name, c.OAuth2.ClientIDValue})
		}
	}
	for i := range b.Callbacks {
		if c := &b.Callbacks[i]; c.Signature.Key != "" {
			out = append(out, Value{c.Service, c.Signature.Key})
		}
	}
	slices.SortFunc(out, func(a, b Value) int {
		if c := strings.Compare(a.Service, b.Service); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return slices.Compact(out)
}

func (v *validator) credential(service string, c *Credential) {
	if c == nil {
		return
	}
	v.check(c.ID != "", "service %q: a credential without an id", service)
	v.check(c.Own == OwnRefuse || c.Own == OwnReplace, "service %q: own credentials %q", service, c.Own)
	v.check(printable(c.Prefix) && printable(c.Username) && !strings.Contains(c.Username, ":"), "service %q: prefix or user of the credential", service)
	switch c.Type {
	case CredentialHeader:
		v.check(token(c.Header), "service %q: the header %q of the credential", service, c.Header)
	case CredentialQuery:
		v.check(c.Query != "" && url.QueryEscape(c.Query) == c.Query, "service %q: the parameter %q of the credential", service, c.Query)
	case CredentialOAuth2:
		v.check(c.OAuth2 != nil && c.OAuth2.valid(), "service %q: the token endpoint of the credential, or its authorities", service)
	case CredentialBasic:
	default:
		v.check(false, "service %q: credential type %q", service, c.Type)
	}
}

func (o *OAuth2) valid() bool {
	if o.Authorities != "" {
		if _, err := ParseAuthorities(o.Authorities); err != nil {
			return false
		}
	}
	u, err := url.Parse(o.TokenURL)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && u.Fragment == "" && (o.ClientID == "") != (o.ClientIDValue == "")
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// token tells whether a name may be that of a header, in letters, digits and dashes.
func token(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}
