package proxy

import (
	"net/http"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
)

// handle decides about one request. The phases follow the order of the request: address, endpoint, purpose, body, people, service,
// answer. Whatever fails or panics denies.
func (p *Proxy) handle(w http.ResponseWriter, r *http.Request) {
	x := &exchange{proxy: p, w: &once{ResponseWriter: w}, r: r}
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler { //nolint:errorlint // the very value is the signal
				panic(v)
			}
			p.Logger.Error("a request was denied after an internal error")
			p.Metrics.decision(x, decide.Deny, decide.InternalError)
			if x.w.written {
				panic(http.ErrAbortHandler) // a half-sent answer must not look whole
			}
			deny(x.w, decide.InternalError)
		}
	}()
	x.run()
}

// once remembers whether an answer has begun.
type once struct {
	http.ResponseWriter
	written bool
}

// WriteHeader implements http.ResponseWriter.
func (o *once) WriteHeader(status int) {
	o.written = true
	o.ResponseWriter.WriteHeader(status)
}

// exchange is one request and its answer.
type exchange struct {
	proxy *Proxy
	w     *once
	r     *http.Request
	state *State
	to    address
	// endpoint and plan are nil until they are known.
	endpoint *decide.Endpoint
	plan     *decide.Plan
	people   people
	// wouldDeny is the first reason for which an observed request would have been denied.
	wouldDeny decide.Reason
}

func (x *exchange) run() {
	t, _ := x.r.Context().Value(targetKey{}).(target)
	x.state = x.proxy.Current.Load()
	if x.state == nil {
		x.refuse(decide.InternalError)
		return
	}
	var reason decide.Reason
	if x.to, reason = canonical(x.r, t); reason != "" {
		x.fail(reason, t)
		return
	}
	if !x.state.Index.Governs(x.to.host) {
		x.undeclared(t)
		return
	}
	x.endpoint, reason = x.state.Index.Endpoint(x.r.Method, x.to.host, x.to.port, x.to.path)
	if reason != "" {
		x.fail(reason, t)
		return
	}
	if p := x.port(); p != nil && p.Protocol != "HTTP" {
		x.fail(decide.TLSRefused, t) // what is declared to be encrypted does not go out in plain
		return
	}
	if x.endpoint.IR.NoPersonalData {
		x.proxy.Metrics.decision(x, decide.Permit, "")
		x.pass()
		return
	}
	x.personal(t)
}

// undeclared is a request for a host that nobody declares, on a connection that was parsed: because it went to the address of a
// governed host, or because the name comes with each request (HTTP/2).
func (x *exchange) undeclared(t target) {
	names, certain := x.state.resolver.namesOf(t.dst.Addr())
	if !certain {
		x.fail(decide.InternalError, t)
		return
	}
	for _, n := range names {
		if x.state.Index.Governs(n) {
			x.fail(decide.NotCanonical, t) // the address of a governed host under another name
			return
		}
	}
	if k := x.state.ungoverned(t.dst, hello{protocol: http2, name: x.to.host}, names); k.verdict != splice {
		x.fail(k.reason, t)
		return
	}
	x.passTo(upstream{"http", t.dst.String(), x.r.Host})
}

// personal handles a request to an endpoint with personal data.
func (x *exchange) personal(t target) {
	var reason decide.Reason
	if !x.endpoint.Used() {
		_, reason = x.state.Index.Plan(x.endpoint, nil)
		x.fail(reason, t)
		return
	}
	body, reason := x.readBody()
	if reason != "" {
		x.fail(reason, t)
		return
	}
	doc, reason := x.parseBody(body)
	if reason != "" {
		x.failBody(reason, body)
		return
	}
	if x.plan, reason = x.state.Index.Plan(x.endpoint, x.constant(doc)); reason != "" {
		x.failBody(reason, body)
		return
	}
	if !enforce.Declared(x.endpoint.IR, x.to.query) {
		x.failBody(decide.CategoryNotCovered, body)
		return
	}
	facts := x.state.facts(x.plan.Purpose)
	now := facts.Now()
	sent := enforce.Request(x.plan, enforce.Named(x.endpoint, x.to.query), doc, func(one enforce.Person) decide.Verdict {
		return x.judge(one, now, facts)
	})
	switch {
	case x.observing():
		if sent.Reason != "" {
			x.would(sent.Reason)
		}
		x.exchange(body)
	case sent.Reason != "":
		x.refuse(sent.Reason)
	case sent.Accepted:
		x.accepted()
	case len(sent.Bodies) > 1:
		x.split(sent.Bodies)
	default:
		x.exchange(sent.Bodies[0])
	}
}

// observing tells whether decisions about this request are only shown.
func (x *exchange) observing() bool {
	if x.plan != nil {
		return x.plan.Mode == ir.ModeObserve
	}
	return x.state.Index.DenyMode() == ir.ModeObserve
}

func (x *exchange) would(reason decide.Reason) {
	if x.wouldDeny == "" {
		x.wouldDeny = reason
	}
}

// refuse denies, whatever the mode.
func (x *exchange) refuse(reason decide.Reason) {
	x.proxy.Metrics.decision(x, decide.Deny, reason)
	deny(x.w, reason)
}

// fail denies a request that has no plan and whose body was not read; where nothing is enforced it is forwarded as it came.
func (x *exchange) fail(reason decide.Reason, t target) {
	if x.state == nil || !x.observing() {
		x.refuse(reason)
		return
	}
	x.would(reason)
	x.proxy.Metrics.decision(x, decide.Deny, reason)
	if x.to.host != "" && x.state.Index.Governs(x.to.host) {
		x.pass()
		return
	}
	x.passTo(upstream{"http", t.dst.String(), x.r.Host})
}

// failBody is fail for a request whose body was read.
func (x *exchange) failBody(reason decide.Reason, body []byte) {
	if !x.observing() {
		x.refuse(reason)
		return
	}
	x.would(reason)
	x.exchange(body)
}

// accepted answers as the service would for a request with nobody left to reach.
func (x *exchange) accepted() {
	x.proxy.Metrics.decision(x, decide.PermitFiltered, decide.NotPermitted)
	x.w.Header().Set("Content-Length", "0")
	x.w.WriteHeader(http.StatusAccepted)
}
