package proxy

import (
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

// canonical reads the rest of a request's address, once its host is known. Whatever has a second reading is refused, so that the
// service cannot read it differently. Constants are the headers that rules tell purposes apart by.
func (a *address) canonical(r *http.Request, constants map[string]bool) (reason decide.Reason) {
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		return decide.NotCanonical
	}
	if reason = readHeaders(r, constants); reason != "" {
		return reason
	}
	a.path, a.query, reason = enforce.Target(r.RequestURI)
	return reason
}

// canonicalHost: the listener's host where it stands for one, and that of the connection's TLS, which the header has to repeat; else the Host header, whose port has to be the one that was dialled.
func canonicalHost(r *http.Request, t target) (string, int, decide.Reason) {
	port := int(t.dst.Port())
	if t.encrypted && !asNamed(r, t) {
		return t.host, port, decide.NotCanonical
	}
	if t.host != "" {
		return t.host, port, ""
	}
	name := r.Host
	if strings.HasPrefix(name, "[") {
		end := strings.IndexByte(name, ']')
		if end < 0 || !namesPort(name[end+1:], port) {
			return "", 0, decide.NotCanonical
		}
		name = name[1:end]
	} else if i := strings.IndexByte(name, ':'); i >= 0 {
		if !namesPort(name[i:], port) {
			return "", 0, decide.NotCanonical
		}
		name = name[:i]
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if !hostLike(name) {
		return "", 0, decide.NotCanonical
	}
	return name, port, ""
}

// namesPort tells whether what follows a host is nothing or the port, in its one spelling.
func namesPort(rest string, port int) bool { return rest == "" || rest == ":"+strconv.Itoa(port) }

// hostLike tells whether a name consists of labels as hosts have them, or is an IPv6 address: no user, no path, nothing escaped.
func hostLike(name string) bool {
	if name == "" || name[0] == '.' || name[len(name)-1] == '.' || strings.Contains(name, "..") {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !alphanumeric(c) && c != '-' && c != '.' && c != '_' && c != ':' {
			return false
		}
	}
	return true
}

// authority is the one spelling of a host and port that is forwarded.
func authority(host string, port int) string {
	if strings.IndexByte(host, ':') >= 0 {
		host = "[" + host + "]"
	}
	if port == 80 {
		return host
	}
	return host + ":" + strconv.Itoa(port)
}

// sameToOthers tells whether a path that matches a template only by its {names} is, for a service that ignores case, that of another
// declared endpoint. Services differ about case, so such a path has two readings.
func sameToOthers(e *decide.Endpoint, path string) bool {
	if len(e.Segments) == 0 {
		return false
	}
	for i := range e.Service.Endpoints {
		if o := &e.Service.Endpoints[i]; o != e.IR && foldsTo(o.Path, path) {
			return true
		}
	}
	return false
}

// foldsTo tells whether a path matches a template if case is ignored, and does not if it counts.
func foldsTo(template, path string) bool {
	differs := false
	for more := true; more; {
		var t, s string
		var left bool
		t, template, more = strings.Cut(template, "/")
		s, path, left = strings.Cut(path, "/")
		if more != left {
			return false
		}
		if len(t) > 2 && t[0] == '{' && t[len(t)-1] == '}' {
			continue
		}
		if !strings.EqualFold(t, s) {
			return false
		}
		differs = differs || t != s
	}
	return differs
}
