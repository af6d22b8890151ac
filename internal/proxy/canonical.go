package proxy

import (
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
)

// address is the canonical form of where a request goes and what it asks for.
type address struct {
	host  string
	port  int
	path  string // decoded
	query []enforce.Parameter
}

// canonical reads a request's address. Whatever has a second reading is refused, so that the service cannot read it differently.
// The host is given where it can be told, whatever else is wrong.
func canonical(r *http.Request, t target) (address, decide.Reason) {
	var a address
	var reason decide.Reason
	if a.host, a.port, reason = canonicalHost(r, t); reason != "" {
		return a, reason
	}
	for _, h := range enforce.Overriding {
		if len(r.Header[h]) > 0 {
			return a, decide.NotCanonical
		}
	}
	if r.Header.Get("Upgrade") != "" || len(r.Trailer) > 0 || r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		return a, decide.NotCanonical
	}
	a.path, a.query, reason = enforce.Target(r.RequestURI)
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
