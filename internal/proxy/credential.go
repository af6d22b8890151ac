package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/proxy/insert"
)

// insertion is what the sidecar inserts into the requests of one exchange.
type insertion struct {
	*insert.Credential
	service  *ir.Service
	declared *ir.Credential
}

var errElsewhere = errors.New("a credential would have gone to another host than its service's")

// credential readies the credential of the endpoint's service, and takes what the application brought out of the way. It reports false
// where it has answered. Only what takes effect gets one: a request that is only observed goes on as it came, with what the application
// brought, because nobody filters it.
func (x *exchange) credential() bool {
	s := x.endpoint.Service
	if s.Credential == nil {
		return true
	}
	place := x.ownCredential(s.Credential)
	refused := place != "" && s.Credential.Own == ir.OwnRefuse
	if x.observing() {
		if refused {
			x.would(decide.CredentialNotAllowed)
		}
		return true
	}
	switch {
	case !x.endpoint.Governed():
		x.refuse(decide.NoPolicy) // who has no rule for a service has no use of its credential
		return false
	case refused:
		x.refuseWith(decide.CredentialNotAllowed, fmt.Sprintf("The request brings a credential of its own, in %s. The sidecar holds the credential of this service "+
			"and inserts it, so that applications need none. Send none; if the client insists on one, the DataService can say ownCredential: Replace.", place))
		return false
	}
	ctx, cancel := context.WithTimeout(x.r.Context(), min(dialTimeout, x.proxy.stall))
	defer cancel()
	ready, err := x.proxy.inserting.Ready(ctx, s.Name, s.Credential)
	if err != nil {
		x.refuseWith(decide.CredentialMissing, err.Error())
		return false
	}
	x.inserts = &insertion{ready, s, s.Credential}
	kept := x.to.query[:0:0]
	for _, q := range x.to.query {
		if !x.ownParameter(s.Credential, q.Name) {
			kept = append(kept, q)
		}
	}
	x.to.query = kept
	return true
}

// refuseWith is refuse with a sentence of its own, which holds nothing that is secret or about people.
func (x *exchange) refuseWith(reason decide.Reason, detail string) {
	x.proxy.Metrics.decision(x, decide.Deny, reason)
	b := newProblem(reason, x.use.ID().String())
	b.Detail = detail
	tell(x.w, b)
}

// insert is the last that happens to a request before it is sent: what the application brought is taken out, and the credential of the
// service put in, if it goes to the service.
func (x *exchange) insert(out *http.Request) error {
	if x.inserts == nil {
		return nil
	}
	if !x.inserts.goesTo(out) {
		return errElsewhere
	}
	for name := range out.Header {
		if ownHeader(x.inserts.declared, name) {
			delete(out.Header, name)
		}
	}
	out.Trailer = nil // whoever merges them into headers would read another credential
	out.URL.User = nil
	out.URL.RawQuery = x.withoutOwn(out.URL.RawQuery)
	if x.plan == nil {
		out.Header["Accept-Encoding"] = identityOnly // so that it is found in an answer that sends it back
	}
	x.inserts.Into(out)
	return nil
}

// goesTo tells whether a request goes to the first host of the service, on one of its ports, in its own name.
func (i *insertion) goesTo(out *http.Request) bool {
	name, _, err := net.SplitHostPort(out.Host)
	if err != nil {
		name = out.Host
	}
	named := false
	for _, h := range i.service.Hosts {
		named = named || h == name
	}
	for _, p := range i.service.Ports {
		scheme, port := "http", p.Port
		if p.TLSPort != 0 {
			scheme, port = "https", p.TLSPort
		}
		if p.Protocol == "HTTPS" {
			scheme = "https"
		}
		if named && out.URL.Scheme == scheme && out.URL.Host == net.JoinHostPort(i.service.Hosts[0], strconv.Itoa(port)) {
			return true
		}
	}
	return false
}

// hide keeps the credential out of an answer.
func (x *exchange) hide(res *http.Response) {
	if x.inserts == nil {
		return
	}
	x.inserts.Hide(res)
	if res.StatusCode == http.StatusUnauthorized {
		x.proxy.Metrics.refusals.With(x.inserts.service.Name).Inc()
		x.proxy.inserting.Refused(x.inserts.service.Name, x.inserts.Credential)
	}
}

// known are the names, without what separates words, of headers and parameters that services take credentials in besides the declared one.
// One that the application brings there could be somebody else's, and its account another one than the controller's.
var (
	knownHeaders = set("authorization", "cookie", "apikey", "xapikey", "xauth", "xauthtoken", "authtoken", "xauthkey", "xaccesstoken", "accesstoken", "xapitoken", "apitoken", "xtoken", "privatetoken")
	knownQuery   = set("apikey", "accesstoken", "authtoken", "apitoken")
)

// plainName is a name without case and without what separates words, so that spellings that some servers take for one are one. A name that is
// longer than any of a credential is none.
func plainName(name string) string {
	var out [64]byte
	n := 0
	for i := range len(name) {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if !alphanumeric(c) {
			continue
		}
		if n == len(out) {
			return strings.ToLower(name)
		}
		out[n] = c
		n++
	}
	return string(out[:n])
}

func ownHeader(c *ir.Credential, name string) bool {
	b := plainName(name)
	return knownHeaders[b] || (c.Header != "" && b == plainName(c.Header))
}

// ownParameter tells whether a query parameter is a credential: in the place of the declared one, or in one that is known for it and that
// the endpoint does not declare for something else.
func (x *exchange) ownParameter(c *ir.Credential, name string) bool {
	b := plainName(name)
	if c.Query != "" && b == plainName(c.Query) {
		return true
	}
	return knownQuery[b] && !enforce.Declared(x.endpoint.IR, []enforce.Parameter{{Name: name}})
}

// ownCredential gives the place of a credential that the application brought, in words; empty if it brought none.
func (x *exchange) ownCredential(c *ir.Credential) string {
	for name := range x.r.Header {
		if ownHeader(c, name) {
			return "the header " + folded(name)
		}
	}
	for name := range x.r.Trailer {
		if ownHeader(c, name) {
			return "the trailer " + folded(name)
		}
	}
	for _, q := range x.to.query {
		if x.ownParameter(c, q.Name) {
			return "the query parameter " + strconv.Quote(q.Name)
		}
	}
	return ""
}

// withoutOwn is a query without credentials of the application's own.
func (x *exchange) withoutOwn(raw string) string {
	if raw == "" {
		return ""
	}
	var kept []string
	for part := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil && !x.ownParameter(x.inserts.declared, plain) {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

// askForToken reaches a token endpoint.
func (p *Proxy) askForToken(authorities string, r *http.Request) (*http.Response, error) {
	t, err := p.transportTo(upstream{authorities: authorities})
	if err != nil {
		return nil, err
	}
	return t.RoundTrip(r)
}

// askedForToken notes what became of a question for a token.
func (p *Proxy) askedForToken(service string, err error) {
	outcome := "obtained"
	if err != nil {
		outcome = "failed"
		p.Logger.Warn("a token could not be obtained", "service", service, "error", err)
	}
	p.Metrics.tokens.With(service, outcome).Inc()
}
