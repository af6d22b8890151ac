package proxy

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// address is the canonical form of where a request goes and what it asks for.
type address struct {
	host  string
	port  int
	path  string // decoded
	query []parameter
}

type parameter struct{ name, value string }

// overriding are headers with which some servers replace method, path or host.
var overriding = []string{
	"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Original-Url", "X-Rewrite-Url", "X-Forwarded-Host", "X-Host",
	"X-Forwarded-Path", "X-Original-Host",
}

// canonical reads a request's address. Whatever has a second reading is refused, so that the service cannot read it differently.
func canonical(r *http.Request, t target) (address, decide.Reason) {
	var a address
	for _, h := range overriding {
		if len(r.Header[h]) > 0 {
			return a, decide.NotCanonical
		}
	}
	if r.Header.Get("Upgrade") != "" || len(r.Trailer) > 0 || r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		return a, decide.NotCanonical
	}
	var reason decide.Reason
	if a.host, a.port, reason = canonicalHost(r, t); reason != "" {
		return a, reason
	}
	if a.path, reason = canonicalPath(r); reason != "" {
		return a, reason
	}
	a.query, reason = canonicalQuery(r.URL.RawQuery, r.URL.ForceQuery)
	return a, reason
}

// canonicalHost: the listener's host where it stands for one; else the Host header, whose port has to be the one that was dialled.
func canonicalHost(r *http.Request, t target) (string, int, decide.Reason) {
	port := int(t.dst.Port())
	if t.host != "" {
		return t.host, port, ""
	}
	name := r.Host
	if host, p, err := net.SplitHostPort(r.Host); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || int(n) != port {
			return "", 0, decide.NotCanonical
		}
		name = host
	}
	name = strings.ToLower(name)
	if name == "" || strings.HasSuffix(name, ".") {
		name = strings.TrimSuffix(name, ".")
	}
	if name == "" {
		return "", 0, decide.NotCanonical
	}
	return name, port, ""
}

func canonicalPath(r *http.Request) (string, decide.Reason) {
	raw, _, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(raw, "/") {
		return "", decide.NotCanonical // absolute form, or "*"
	}
	decoded := r.URL.Path
	for i := range len(decoded) {
		if c := decoded[i]; c < ' ' || c == 0x7f || c == '\\' || c == '%' || c == ';' {
			return "", decide.NotCanonical
		}
	}
	// The one spelling of a path is that of the standard library; an escaped slash has none.
	if (&url.URL{Path: decoded}).EscapedPath() != raw {
		return "", decide.NotCanonical
	}
	for i, s := range strings.Split(decoded, "/") {
		if s == "." || s == ".." || (s == "" && i > 0 && decoded != "/" && i < strings.Count(decoded, "/")) {
			return "", decide.NotCanonical
		}
	}
	return decoded, ""
}

func canonicalQuery(raw string, bare bool) ([]parameter, decide.Reason) {
	if bare {
		return nil, decide.NotCanonical
	}
	if raw == "" {
		return nil, ""
	}
	var out []parameter
	seen := map[string]bool{}
	for part := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(part, "=")
		name, err1 := url.QueryUnescape(k)
		value, err2 := url.QueryUnescape(v)
		if err1 != nil || err2 != nil || name == "" || strings.Contains(part, ";") || seen[name] {
			return nil, decide.NotCanonical
		}
		seen[name] = true
		out = append(out, parameter{name, value})
	}
	return out, ""
}

// declaredQuery tells whether an endpoint declares every parameter.
func declaredQuery(e *ir.Endpoint, query []parameter) bool {
	for _, q := range query {
		if declaredParameter(e, q.name) == nil {
			return false
		}
	}
	return true
}

func declaredParameter(e *ir.Endpoint, name string) *ir.QueryParam {
	for i := range e.Query {
		if e.Query[i].Name == name {
			return &e.Query[i]
		}
	}
	return nil
}
