package enforce

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/defence"
	"github.com/optup/optup/internal/ir"
)

// maxParameters bounds the query parameters of a request: servers stop counting at different numbers.
const maxParameters = 100

// Parameter is one query parameter, decoded.
type Parameter struct{ Name, Value string }

// Overriding are headers with which some servers replace method, path or host, in canonical spelling.
var Overriding = []string{
	"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Original-Method", "X-Forwarded-Method",
	"X-Original-Url", "X-Original-Uri", "X-Rewrite-Url", "X-Rewrite-Uri", "X-Forwarded-Path", "X-Forwarded-Uri", "X-Forwarded-Prefix",
	"X-Envoy-Original-Path", "X-Forwarded-Host", "X-Host", "X-Original-Host", "X-Forwarded-Server", "Forwarded",
	"Script-Name", "X-Script-Name", "Path-Info",
}

// Target reads a request target in origin form (RFC 9112 §3.2.1) into the decoded path and query. Whatever has a second reading is
// refused, so that the service cannot read it differently.
func Target(target string) (path string, query []Parameter, reason decide.Reason) {
	raw, rest, asked := strings.Cut(target, "?")
	if path, reason = readPath(raw); reason != "" {
		return "", nil, reason
	}
	if asked && rest == "" {
		return "", nil, decide.NotCanonical
	}
	query, reason = readQuery(rest)
	return path, query, reason
}

func readPath(raw string) (string, decide.Reason) {
	if !strings.HasPrefix(raw, "/") {
		return "", decide.NotCanonical // absolute form, or "*"
	}
	decoded := raw
	if !defence.Path {
		return secondReading(raw), ""
	}
	if !plainPath(raw) {
		var err error
		if decoded, err = url.PathUnescape(raw); err != nil || !utf8.ValidString(decoded) {
			return "", decide.NotCanonical
		}
		for i := range len(decoded) {
			// What ends a path, begins parameters or separates segments for some server stays out even where it is escaped.
			if c := decoded[i]; c < ' ' || c == 0x7f || strings.IndexByte(`\%;?#`, c) >= 0 {
				return "", decide.NotCanonical
			}
		}
		// The one spelling of a path is that of the standard library; an escaped slash has none.
		if (&url.URL{Path: decoded}).EscapedPath() != raw {
			return "", decide.NotCanonical
		}
	}
	for rest, more := decoded[1:], true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if segment == "." || segment == ".." || (segment == "" && more) {
			return "", decide.NotCanonical
		}
	}
	return decoded, ""
}

// secondReading is a path as it is read without a defence; only builds for the bypass fuzzer hold it.
func secondReading(raw string) string {
	decoded, err := url.PathUnescape(raw)
	if err != nil {
		return raw
	}
	return decoded
}

// plainPath tells whether nothing in a path is escaped or has to be.
func plainPath(raw string) bool {
	for i := range len(raw) {
		if c := raw[i]; !alphanumeric(c) && strings.IndexByte("-._~/@:=+$&", c) < 0 {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func readQuery(raw string) ([]Parameter, decide.Reason) {
	if raw == "" {
		return nil, ""
	}
	n := strings.Count(raw, "&") + 1
	if n > maxParameters {
		return nil, decide.NotCanonical
	}
	for i := range len(raw) {
		if c := raw[i]; c <= ' ' || c >= 0x7f || c == ';' || c == '#' || c == '\\' {
			return nil, decide.NotCanonical
		}
	}
	out := make([]Parameter, 0, n)
	for part := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(part, "=")
		name, err1 := url.QueryUnescape(k)
		value, err2 := url.QueryUnescape(v)
		if err1 != nil || err2 != nil || name == "" || !legible(name) || !legible(value) || strings.HasPrefix(strings.ToLower(name), "_method") {
			return nil, decide.NotCanonical
		}
		if defence.Query && slices.ContainsFunc(out, func(p Parameter) bool { return p.Name == name }) {
			return nil, decide.NotCanonical
		}
		out = append(out, Parameter{name, value})
	}
	return out, ""
}

// legible tells whether everybody reads the same text: no byte ends it early for some, and none is replaced.
func legible(s string) bool { return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) }

// Declared tells whether an endpoint declares every parameter.
func Declared(e *ir.Endpoint, query []Parameter) bool {
	for _, q := range query {
		if parameter(e, q.Name) == nil {
			return false
		}
	}
	return true
}

func parameter(e *ir.Endpoint, name string) *ir.QueryParam {
	for i := range e.Query {
		if e.Query[i].Name == name {
			return &e.Query[i]
		}
	}
	return nil
}

// Expected gives the reason for which a request cannot be read: it has a body where none is declared, or none where people are.
func Expected(e *ir.Endpoint, body bool) decide.Reason {
	if body == (e.Request != nil) || (!body && len(e.Request.Addressees) == 0) {
		return ""
	}
	return decide.BodyUnreadable
}

// Named gives the people whom the path and the query name, in this order.
func Named(e *decide.Endpoint, query []Parameter) []Person {
	var out []Person
	add := func(who ir.Identifies, value string) {
		out = append(out, Person{
			Identifier: consent.Identifier{Type: who.Type, Form: who.Form, Value: value}, Place: decide.InAddress,
		})
	}
	for _, s := range e.IR.Segments {
		add(s.Person, e.Segments[s.Name])
	}
	for _, q := range query {
		if p := parameter(e.IR, q.Name); p != nil && p.Person != nil {
			add(*p.Person, q.Value)
		}
	}
	return out
}

// NamesPeople tells whether requests to an endpoint can name people in path or query.
func NamesPeople(e *ir.Endpoint) bool {
	for _, q := range e.Query {
		if q.Person != nil {
			return true
		}
	}
	return len(e.Segments) > 0
}
