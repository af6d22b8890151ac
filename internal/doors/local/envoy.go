package local

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/doors/envoy"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/proxy"
)

// Names by which Envoy's configuration says what it does: in context_extensions of a route, or in initial_metadata of the gRPC service.
const (
	// obligationsName lists the obligations that whatever comes after in the filter chain meets, with commas between. Those of a request are
	// told to it in a request header of the same name.
	obligationsName = "optup-obligations"
	// purposeName is the purpose of a route's requests.
	purposeName = "optup-purpose"
	// bodyName says "sent" where bodies are buffered and sent along, so that a request of HTTP/2 without one has none.
	bodyName = "optup-body"
)

// partialBody is the header by which Envoy says that a body is not whole.
const partialBody = "X-Envoy-Auth-Partial-Body"

// ServeExtAuthz answers Envoy's checks on a listener until ctx ends.
func (d *Doors) ServeExtAuthz(ctx context.Context, l net.Listener) error {
	d.setup()
	s := &envoy.Server{
		Decide: d.check, Refuse: d.refuse, Hold: d.Proxy.Hold, Ready: func() bool { return d.Proxy.Current.Load() != nil },
		Panicked: func() { d.Logger.Error("a check was denied after an internal error") },
	}
	return s.Serve(ctx, l)
}

// check decides about a request that Envoy is about to send.
func (d *Doors) check(ctx context.Context, c *envoy.Check, metadata envoy.Metadata) envoy.Verdict {
	told := func(name string) string {
		if v, there := c.Extensions[name]; there {
			return v
		}
		return metadata.Get(name)
	}
	a := proxy.Asked{
		Method: c.Method, Scheme: c.Scheme, Host: c.Host, Target: c.Path, Header: c.Header, Body: c.Body, Doubt: doubt(c, told(bodyName)),
		Destination: c.Destination, Purpose: told(purposeName), Honours: promises(told(obligationsName)),
	}
	delete(c.Header, partialBody)
	t := d.Proxy.Ask(ctx, &a)
	if t.Effect == decide.Deny && !t.Observed {
		status, body := t.Problem()
		return envoy.Verdict{Status: status, Body: body, Response: denied(status, t.ID)}
	}
	v := envoy.Verdict{Allow: true, Remove: private(c.Header), Response: []envoy.Header{{Name: decisionHeader, Value: t.ID}}}
	if t.Effect == decide.PermitFiltered {
		v.Request = []envoy.Header{{Name: obligationsName, Value: joined(t.Obligations)}}
		// It takes the place of what the application may have sent, and Envoy would remove it after.
		v.Remove = slices.DeleteFunc(v.Remove, func(name string) bool { return name == obligationsName })
	}
	return v
}

var decisionHeader = strings.ToLower(proxy.DecisionHeader)

// doubt tells why a body may be another one than that which is sent.
func doubt(c *envoy.Check, sent string) decide.Reason {
	length := c.Header["Content-Length"]
	switch partial := c.Header[partialBody]; {
	case len(partial) > 0 && (len(partial) > 1 || partial[0] != "false"):
		return decide.BodyTooLarge
	case c.Text:
		return decide.BodyUnreadable // what Envoy cannot read it replaces
	case c.Body != nil, len(length) == 1 && length[0] == "0":
		return ""
	case len(length) > 0, len(c.Header["Transfer-Encoding"]) > 0:
		return decide.BodyUnreadable // there is one, and it was not sent along
	case strings.HasPrefix(c.Protocol, "HTTP/1"), sent == "sent":
		return ""
	default:
		return decide.BodyUnreadable // HTTP/2 does not tell in its head whether there is one
	}
}

// promises are those that can be kept beside a request whose body goes as it came.
func promises(list string) []decide.Obligation {
	var out []decide.Obligation
	for name := range strings.SplitSeq(list, ",") {
		if o := ir.Obligation(strings.TrimSpace(name)); o != "" && o != proxy.ReplaceBody {
			out = append(out, o)
		}
	}
	return out
}

func joined(all []decide.Obligation) string {
	names := make([]string, 0, len(all))
	for _, o := range all {
		names = append(names, string(o))
	}
	return strings.Join(names, ",")
}

// private are the headers that are between the application, Envoy and the sidecar. They do not go on, however they are spelled.
func private(h http.Header) []string {
	var out []string
	for name := range h {
		switch plain := strings.ToLower(strings.Map(hyphen, name)); plain {
		case purposeName, obligationsName:
			out = append(out, strings.ToLower(name))
		}
	}
	slices.Sort(out)
	return out
}

func hyphen(r rune) rune {
	if r < 0x80 && (r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') {
		return r
	}
	return '-'
}

func denied(status int, id string) []envoy.Header {
	out := []envoy.Header{
		{Name: "content-type", Value: "application/problem+json"}, {Name: "cache-control", Value: "no-store"}, {Name: decisionHeader, Value: id},
	}
	if status == http.StatusServiceUnavailable {
		out = append(out, envoy.Header{Name: "retry-after", Value: "1"})
	}
	return out
}

// refuse denies a check that nobody could decide about.
func (d *Doors) refuse(why envoy.Unreadable) envoy.Verdict {
	reason := decide.InternalError
	switch why {
	case envoy.TooLarge:
		reason = decide.BodyTooLarge
	case envoy.Busy, envoy.Malformed:
	}
	status, body, id := d.Proxy.Refuse(reason)
	return envoy.Verdict{Status: status, Body: body, Response: denied(status, id)}
}
