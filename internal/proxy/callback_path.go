package proxy

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/optup/optup/internal/decide"
)

// rerouting are headers by which some applications take another method or path than the request's. What an ingress tells of hosts is not
// among them.
var rerouting = set(
	"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Original-Method", "X-Forwarded-Method",
	"X-Original-Url", "X-Original-Uri", "X-Rewrite-Url", "X-Rewrite-Uri", "X-Forwarded-Path", "X-Forwarded-Uri", "X-Envoy-Original-Path", "Path-Info",
)

// prefixing are headers by which some applications take the beginning off a path: gunicorn believes SCRIPT_NAME of whoever calls from the
// pod itself, which the sidecar does.
var prefixing = set("Script-Name", "X-Script-Name", "X-Forwarded-Prefix")

// find finds the callback that a request is for. Reason is set for a request that some application would take for one of a callback, and that
// does not spell it as it is declared: whoever lets that pass checks nothing. Everything else is none of our business.
func findCallback(all []*called, r *http.Request) (c *called, reason decide.Reason) {
	path, _, asked := strings.Cut(r.RequestURI, "?")
	for _, one := range all {
		if path == one.Path {
			if asked {
				return one, decide.NotCanonical // the signature does not cover it
			}
			return one, ""
		}
	}
	for _, one := range all {
		if alike(path, one.Path) {
			return one, decide.NotCanonical
		}
		for name, values := range r.Header {
			f := folded(name)
			if prefixing[f] && strings.HasSuffix(plain(path), plain(one.Path)) {
				return one, decide.NotCanonical
			}
			if !rerouting[f] {
				continue
			}
			for _, v := range values {
				if to, err := url.Parse(v); err != nil || alike(to.EscapedPath(), one.Path) || alike(v, one.Path) {
					return one, decide.NotCanonical
				}
			}
		}
	}
	return nil, ""
}

// alike tells whether some application might take a path for another one: frameworks ignore case, trailing slashes, empty and dot segments,
// parameters, extensions, and decode escapes, some more than once.
func alike(path, declared string) bool {
	a, b := plain(path), plain(declared)
	if a == b {
		return true
	}
	stem, _, _ := cutLast(a, ".")
	return stem == b
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i > strings.LastIndex(s, "/") {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// plain is the coarsest spelling of a path: whatever two applications may read alike is the same.
func plain(path string) string {
	if _, rest, absolute := strings.Cut(path, "://"); absolute && !strings.HasPrefix(path, "/") {
		_, path, _ = strings.Cut(rest, "/") // absolute form (RFC 9112 §3.2.2)
		path, _, _ = strings.Cut("/"+path, "?")
	}
	for range 4 {
		next := unescaped(path)
		if next == path {
			break
		}
		path = next
	}
	path = strings.ToLower(strings.ReplaceAll(path, `\`, "/"))
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	var out []string
	for segment := range strings.SplitSeq(path, "/") {
		segment, _, _ = strings.Cut(segment, ";")
		segment = strings.Map(func(r rune) rune {
			if r <= ' ' || r == 0x7f {
				return -1
			}
			return r
		}, segment)
		switch segment {
		case "", ".":
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		default:
			out = append(out, segment)
		}
	}
	return "/" + strings.Join(out, "/")
}

// unescaped decodes what is escaped and leaves what only looks like it.
func unescaped(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	default:
		return -1
	}
}
