package proxy

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/defence"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
)

// hopByHop are headers of one connection (RFC 9110 §7.6.1).
var hopByHop = set(
	"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Http2-Settings",
)

// ours are request headers that the transport writes itself.
var ours = set("Host", "Expect", "Content-Length")

// overriding are the headers with which some servers replace method, path or host.
var overriding = set(enforce.Overriding...)

// framing are headers that tell where a request goes and how its body is read.
var framing = set("Content-Type", "Content-Encoding", "Content-Length", "Content-Range", "Transfer-Encoding", "Host")

// connectionOptions are the names that a Connection header may list; any other would take an end-to-end header away.
var connectionOptions = set("Close", "Keep-Alive", "Upgrade", "Te", "Trailer", "Http2-Settings", "Proxy-Connection", "Transfer-Encoding")

func set(names ...string) map[string]bool {
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out
}

// constantHeaders are the headers that tell purposes apart, in canonical spelling: those of the rules, and the one that names a purpose.
func constantHeaders(b *ir.Bundle) map[string]bool {
	out := map[string]bool{decide.PurposeHeader: true}
	for i := range b.Rules {
		for _, c := range b.Rules[i].When {
			if c.Source == ir.SourceHeader {
				out[http.CanonicalHeaderKey(c.Name)] = true
			}
		}
	}
	return out
}

// readHeaders refuses headers that have a second reading. Constants are those that tell purposes apart.
func readHeaders(r *http.Request, constants map[string]bool) decide.Reason {
	for name, values := range r.Header {
		folded := folded(name)
		switch {
		case defence.Override && overriding[folded]:
			return decide.NotCanonical
		case !framing[folded] && !constants[folded]:
		case folded != name, len(values) != 1, !ascii(values[0]):
			return decide.NotCanonical
		}
	}
	if host := r.Header["Host"]; len(host) > 0 && host[0] != r.Host {
		return decide.NotCanonical // HTTP/2 has an authority besides
	}
	for name := range r.Trailer {
		if f := folded(name); overriding[f] || framing[f] || constants[f] {
			return decide.NotCanonical // whoever merges trailers into headers would read another request
		}
	}
	for _, line := range r.Header["Connection"] {
		for token := range strings.SplitSeq(line, ",") {
			name := http.CanonicalHeaderKey(strings.TrimSpace(token))
			if _, there := r.Header[name]; (there || name == "Host") && !connectionOptions[name] {
				return decide.NotCanonical
			}
		}
	}
	for _, protocol := range r.Header["Upgrade"] {
		if !strings.EqualFold(protocol, "h2c") { // an offer of some clients, which is let go (RFC 9110 §7.8)
			return decide.NotCanonical
		}
	}
	return ""
}

// folded is a header's name as the environment variables of CGI and its heirs spell it: they keep letters and digits only, so that
// "X_Kind" and "X-Kind" are one.
func folded(name string) string {
	odd := func(r rune) bool { return r != '-' && (r >= 0x80 || !alphanumeric(byte(r))) }
	if strings.IndexFunc(name, odd) < 0 {
		return name
	}
	return http.CanonicalHeaderKey(strings.Map(func(r rune) rune {
		if odd(r) {
			return '-'
		}
		return r
	}, name))
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func ascii(s string) bool {
	for i := range len(s) {
		if (s[i] < ' ' && s[i] != '\t') || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// endToEnd copies the headers that go beyond this connection. The values are shared.
func endToEnd(h http.Header) http.Header {
	out := make(http.Header, len(h)+1)
	for name, values := range h {
		if !hopByHop[name] && !ours[name] {
			out[name] = values
		}
	}
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			delete(out, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	withoutPurpose(out)
	return out
}

// withoutPurpose takes out the header that names a request's purpose, however it is spelled: it is between the application and the sidecar.
func withoutPurpose(h http.Header) {
	for name := range h {
		if folded(name) == decide.PurposeHeader {
			delete(h, name)
		}
	}
}

// unpurposed is a body whose trailers, once they have come, do not name a purpose either.
type unpurposed struct {
	io.ReadCloser
	r *http.Request
}

// Read implements io.Reader.
func (b unpurposed) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		withoutPurpose(b.r.Trailer)
	}
	return n, err
}

// partial are request headers that ask for a part of an answer, compare it with an earlier one, or ask for something about the bytes
// of it. A filtered answer is another one.
var partial = set(
	"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "A-Im", "Accept-Charset",
	"Want-Digest", "Want-Content-Digest", "Want-Repr-Digest", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5",
)

// asWhole makes a request ask for an answer that can be read: whole, as it is, in UTF-8.
func asWhole(h http.Header) {
	for name := range h {
		if f := folded(name); defence.Ranges && (partial[f] || (f == "Accept-Encoding" && f != name)) {
			delete(h, name)
		}
	}
	if defence.Coding {
		h["Accept-Encoding"] = identityOnly
	}
	accept := h["Accept"]
	if slices.ContainsFunc(accept, func(s string) bool { return strings.Contains(strings.ToLower(s), "charset") }) {
		h["Accept"] = []string{"application/json"}
	}
}

var identityOnly = []string{"identity"}
