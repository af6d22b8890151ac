package proxy

import (
	"net/http"
	"strings"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/defence"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
)

// handle decides about one request. The phases follow the order of the request: address, endpoint, purpose, body, people, service,
// answer. Whatever fails or panics denies.
func (p *Proxy) handle(w http.ResponseWriter, r *http.Request) { p.serveBy(w, r, (*exchange).run) }

// serveBy serves one request by what run does with it.
func (p *Proxy) serveBy(w http.ResponseWriter, r *http.Request, run func(*exchange)) {
	x := &exchange{proxy: p, r: r}
	x.w = &once{ResponseWriter: w}
	if r.ProtoMajor > 1 {
		x.w.stall = p.stall
	}
	x.begin()
	defer x.finish()
	defer x.release()
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
			deny(x.w, decide.InternalError, x.use.ID().String())
		}
	}()
	run(x)
}

// once remembers whether an answer has begun.
type once struct {
	http.ResponseWriter
	written bool
	// stall bounds how long a stream of HTTP/2 may be held up by its reader; 0 for HTTP/1, where the connection does.
	stall time.Duration
	measured
}

// WriteHeader implements http.ResponseWriter.
func (o *once) WriteHeader(status int) {
	o.written = true
	o.told(o.Header())
	o.progress()
	o.ResponseWriter.WriteHeader(status)
}

// progress gives the reader of a stream its time again.
func (o *once) progress() {
	if o.stall > 0 {
		_ = http.NewResponseController(o.ResponseWriter).SetWriteDeadline(time.Now().Add(o.stall))
	}
}

// flush sends what was written of a stream, whose next piece may be long in coming: its reader owes nothing meanwhile.
func (o *once) flush() error {
	client := http.NewResponseController(o.ResponseWriter)
	err := client.Flush()
	if o.stall > 0 {
		_ = client.SetWriteDeadline(time.Time{})
	}
	return err
}

// exchange is one request and its answer.
type exchange struct {
	proxy *Proxy
	w     *once
	r     *http.Request
	state *State
	to    address
	// encrypted tells that the request came within TLS, and goes out in no other way. Via is where it goes.
	encrypted bool
	via       upstream
	// arrival is set for a request to a service that the workload provides.
	arrival *arrival
	// by is what the request is sent by; nil for the transport to services that have no sidecar.
	by http.RoundTripper
	// endpoint and plan are nil until they are known.
	endpoint *decide.Endpoint
	plan     *decide.Plan
	people   people
	// called is the callback that the request is for; nil for one of the application's own.
	called *called
	// doc is the request's body; nil if there is none or it was not read.
	doc enforce.Body
	// inserts is nil where the sidecar inserts nothing.
	inserts *insertion
	// read tells that the body was read, or that there is none.
	read bool
	// asked is set for a request that somebody else enforces the decision about (see Ask).
	asked *asking
	// held is how much of the proxy's budget for bodies the exchange has, in bytes.
	held int64
	// wouldDeny is the first reason for which an observed request would have been denied.
	wouldDeny decide.Reason
	observed
}

func (x *exchange) run() {
	if x.r.ContentLength != 0 {
		// A body that is checked has to come within this time, and so has what is thrown away of one that is not.
		_ = http.NewResponseController(x.w.ResponseWriter).SetReadDeadline(time.Now().Add(x.proxy.stall))
	}
	t, _ := x.r.Context().Value(targetKey{}).(target)
	x.arrive(&t)
	x.state = x.load()
	if x.state == nil {
		x.refuse(decide.InternalError)
		return
	}
	var reason decide.Reason
	x.encrypted = t.encrypted
	x.to.host, x.to.port, reason = canonicalHost(x.r, t)
	x.to.port = x.state.portOf(x.to.host, uint16(x.to.port), t.pod) //nolint:gosec // it is one of 16 bits
	switch {
	case x.encrypted && x.upstream().scheme != "https":
		// Declared to be refused, or no longer intercepted: the next connection is classified anew.
		x.w.Header().Set("Connection", "close")
		x.refuse(decide.TLSRefused)
		return
	case reason != "":
		x.fail(reason, t)
		return
	}
	if !x.state.Index.Governs(x.to.host) {
		x.undeclared(t)
		return
	}
	if reason = x.to.canonical(x.r, x.state.constants); reason == "" {
		reason = x.find()
	}
	switch {
	case x.unidentified(reason):
		x.fail(decide.CallerUnknown, t)
	case !defence.Endpoint && reason == decide.EndpointUnknown:
		x.pass()
	case reason != "":
		x.fail(reason, t)
	case x.endpoint.IR.NoPersonalData && x.overrides():
		x.fail(decide.NotCanonical, t)
	case x.endpoint.IR.NoPersonalData:
		if x.credential() {
			x.proxy.Metrics.decision(x, decide.Permit, "")
			x.pass()
		}
	default:
		x.personal(t)
	}
}

// find finds the endpoint of a request in the state in force.
func (x *exchange) find() decide.Reason {
	e, reason := x.state.Index.Endpoint(x.r.Method, x.to.host, x.to.port, x.to.path)
	if reason != "" {
		return reason
	}
	x.endpoint = e
	switch {
	case x.upstream().encrypted != x.encrypted:
		return decide.TLSRefused // what is declared to be encrypted neither comes nor goes in plain, and the other way round
	case sameToOthers(e, x.to.path):
		return decide.NotCanonical
	case e.IR.NoPersonalData && x.overridable():
		return decide.EncodingNotAllowed
	}
	return ""
}

// overridable tells whether a body that nobody reads may say that the method is another one, of an endpoint with personal data.
func (x *exchange) overridable() bool {
	if x.r.Method != http.MethodPost || x.r.ContentLength == 0 {
		return false
	}
	kind, _, _ := strings.Cut(strings.ToLower(x.r.Header.Get("Content-Type")), ";")
	switch strings.TrimSpace(kind) {
	case "application/x-www-form-urlencoded", "multipart/form-data":
	default:
		return false
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		o, reason := x.state.Index.Endpoint(method, x.to.host, x.to.port, x.to.path)
		if reason == "" && !o.IR.NoPersonalData {
			return true
		}
	}
	return false
}

// undeclared is a request for a host that nobody declares, on a connection that was parsed: because it went to the address of a
// governed host, or because the name comes with each request (HTTP/2).
func (x *exchange) undeclared(t target) {
	names, _, certain := x.state.namesOf(t.dst)
	switch {
	case len(t.pod) > 0:
		x.fail(decide.NotCanonical, t) // it was a governed service's pod when the connection was made
		return
	case !certain:
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
	x.passTo(upstream{scheme: "http", addr: t.dst.String(), host: x.r.Host})
}

// personal handles a request to an endpoint with personal data.
func (x *exchange) personal(t target) {
	body, reason := x.prepare()
	var sent enforce.Sent
	if reason == "" {
		if !x.credential() || x.delegated(body) {
			return
		}
		sent, reason = x.weigh()
	}
	switch {
	case reason != "" && !x.read:
		x.fail(reason, t)
	case reason != "":
		x.failBody(reason, body)
	case x.observing():
		if sent.Reason != "" {
			x.would(sent.Reason)
		}
		x.exchange(body)
	case sent.Reason == decide.NotPermitted, sent.Accepted && x.ofAnybody() == decide.LedgerBehind:
		x.refuse(x.ofAnybody())
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

// prepare reads the body of a request to an endpoint with personal data and finds its purpose. The body is nil where it was not read.
func (x *exchange) prepare() (body []byte, reason decide.Reason) {
	if !x.endpoint.Used() {
		_, reason = x.state.Index.Plan(x.endpoint, nil)
		return nil, reason
	}
	if body, reason = x.readBody(); reason != "" {
		return nil, reason
	}
	x.read = true
	if reason = x.renew(); reason != "" {
		return body, reason
	}
	if x.doc, reason = x.parseBody(body); reason != "" {
		return body, reason
	}
	if overridingBody(x.doc) {
		return body, decide.NotCanonical
	}
	x.plan, reason = x.state.Index.Plan(x.endpoint, x.constant(x.doc))
	return body, reason
}

// weigh decides about the people of a request that is prepared.
func (x *exchange) weigh() (sent enforce.Sent, reason decide.Reason) {
	x.promised()
	if !enforce.Declared(x.endpoint.IR, x.to.query) {
		return sent, decide.CategoryNotCovered
	}
	facts := x.state.facts(x.plan.Purpose)
	now := facts.Now()
	x.planned(now)
	return enforce.Request(x.plan, enforce.Named(x.endpoint, x.to.query), x.doc, func(one enforce.Person) decide.Verdict {
		v := x.judge(one, now, facts)
		x.owes(&v)
		return v
	}), ""
}

// renew takes the state that is in force once the body is there, which may have taken its time.
func (x *exchange) renew() decide.Reason {
	s := x.load()
	if s == nil || s == x.state {
		return ""
	}
	x.state = s
	if reason := x.to.canonical(x.r, s.constants); reason != "" {
		return reason
	}
	return x.find()
}

// observing tells whether decisions about this request are only shown.
func (x *exchange) observing() bool {
	if x.plan != nil {
		return x.plan.Mode == ir.ModeObserve
	}
	if x.called != nil {
		return x.called.Mode == ir.ModeObserve
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
	if reason == decide.CallerUnknown && x.arrival != nil {
		x.refuseWith(reason, explanations[reason].detail+" Of this caller: "+x.arrival.why+".")
		return
	}
	x.proxy.Metrics.decision(x, decide.Deny, reason)
	deny(x.w, reason, x.use.ID().String())
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
	x.passTo(upstream{scheme: "http", addr: t.dst.String(), host: x.r.Host})
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
