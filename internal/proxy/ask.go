package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
)

// Obligations that whoever enforces a decision has to meet where the sidecar, which would do so itself, is not on the way of the request.
const (
	// ReplaceBody: what is sent are the bodies that the decision names, one request for each, and nothing else.
	ReplaceBody decide.Obligation = "replace-body"
	// FilterAnswer: nobody is shown in the answer, and no field of anybody, that was not decided about.
	FilterAnswer decide.Obligation = "filter-answer"
	// WithholdAnswer: nobody declared what is in the answer, so only its status is passed on.
	WithholdAnswer decide.Obligation = "withhold-answer"
	// InsertCredential: the service's credential, which the application does not hold, goes with the request.
	InsertCredential decide.Obligation = "insert-credential"
)

// Asked is a request as whoever is about to send it tells it. Nothing of it is changed.
type Asked struct {
	// Method, Scheme ("http", "https"), Host (with its port, if it names one), Target (path and query, as they are sent) and Header are those of
	// the request.
	Method, Scheme, Host, Target string
	Header                       http.Header
	// Body is nil for none. Doubt is why it may be another one than that which is sent: the reason to deny where the body counts.
	Body  []byte
	Doubt decide.Reason
	// Destination is where the request goes, as far as that is known.
	Destination netip.AddrPort
	// Purpose is the one that whoever asks names (see decide.PurposeHeader); "" for none beyond that of the header.
	Purpose string
	// Honours are the obligations that whoever asks promises to meet.
	Honours []decide.Obligation
}

// Told is what was decided about a request that was asked about. Nothing in it says more about people than that they may not be used.
type Told struct {
	// Effect is Deny unless whoever asked promises to meet all Obligations; then it is PermitFiltered where there are some.
	Effect decide.Effect
	// Reason is why the request is denied; empty if it is not.
	Reason decide.Reason
	// Obligations are sorted. With the reason OBLIGATION_UNMET they are those that would have to be promised.
	Obligations []decide.Obligation
	// Bodies are what is sent where ReplaceBody is owed; none where nobody is left and the request counts as accepted.
	Bodies [][]byte
	// Purpose is empty for a request that came to none.
	Purpose consent.PurposeID
	// ID names the decision.
	ID string
	// Observed tells that the decision is only to be shown.
	Observed bool
	// Problem is what the application is told about a denial: a status, and problem JSON.
	Problem func() (status int, body []byte)
}

// asking is what an exchange knows of a request that is only asked about.
type asking struct {
	*Asked
	owed []decide.Obligation
}

// promised takes into account what whoever asks promises.
func (x *exchange) promised() {
	if x.asked == nil || !slices.ContainsFunc(x.asked.Honours, ofPlan) {
		return
	}
	x.plan = x.plan.Honouring(x.asked.Honours)
}

// ofPlan tells whether a promise is one that plans ask for.
func ofPlan(o decide.Obligation) bool {
	return o != ReplaceBody && o != FilterAnswer && o != WithholdAnswer && o != InsertCredential
}

// owes notes what a permission depends on and nothing in the body can do.
func (x *exchange) owes(v *decide.Verdict) {
	if x.asked == nil || !v.Permit() {
		return
	}
	for _, o := range v.Obligations {
		if slices.Contains(x.asked.Honours, o) { // what is not promised was denied, or is done in the body
			x.asked.owe(o)
		}
	}
}

func (a *asking) owe(o decide.Obligation) {
	if !slices.Contains(a.owed, o) {
		a.owed = append(a.owed, o)
	}
}

// Ask decides about a request that somebody else sends, by the same steps as about one that is sent through the sidecar, and records it
// like one. Whatever fails or panics denies.
func (p *Proxy) Ask(ctx context.Context, a *Asked) (t Told) {
	p.setup()
	x := &exchange{proxy: p, asked: &asking{Asked: a}, r: a.request(ctx), encrypted: a.Scheme == "https"}
	x.w = &once{ResponseWriter: nowhere{}}
	x.begin()
	defer x.finish()
	defer x.release()
	defer func() {
		if v := recover(); v != nil {
			p.Logger.Error("a question was denied after an internal error")
			p.Metrics.decision(x, decide.Deny, decide.InternalError)
			t = x.told(decide.InternalError, enforce.Sent{}, nil)
			t.Observed = false
		}
	}()
	if x.state = p.Current.Load(); x.state == nil {
		p.Metrics.decision(x, decide.Deny, decide.InternalError)
		return x.told(decide.InternalError, enforce.Sent{}, nil)
	}
	sent, body, reason := x.consider()
	if reason == "" && x.plan != nil {
		reason = x.outstanding(&sent, body)
	}
	if reason == "" {
		reason = x.unpromised()
	}
	t = x.told(reason, sent, body)
	switch {
	case reason != "":
		p.Metrics.decision(x, decide.Deny, reason)
	case x.endpoint != nil: // nobody is recorded for a host that nobody declared
		p.Metrics.decision(x, t.Effect, "")
	}
	return t
}

// Refuse denies what was asked and could not be read, records that, and gives what the application is told.
func (p *Proxy) Refuse(reason decide.Reason) (status int, body []byte, id string) {
	p.setup()
	s := p.Current.Load()
	p.Metrics.refused(reason, false)
	if s == nil {
		u := p.Uses.Begin(time.Now())
		id = u.ID().String()
	} else {
		id = p.refusal(s, reason)
	}
	status, body = problemOf(reason, id)
	return status, body, id
}

// request is the question as the handler of requests reads it.
func (a *Asked) request(ctx context.Context) *http.Request {
	h := a.Header
	if h == nil {
		h = http.Header{}
	}
	r := (&http.Request{
		Method: a.Method, Host: a.Host, RequestURI: a.Target, Header: h, Body: http.NoBody, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if len(a.Body) > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(a.Body)), int64(len(a.Body))
	}
	return r
}

// target is where the request goes: to the port that it names, or to that of its scheme.
func (a *Asked) target() target {
	port := uint16(80)
	if a.Scheme == "https" {
		port = 443
	}
	if _, named, err := net.SplitHostPort(a.Host); err == nil {
		if n, err := strconv.ParseUint(named, 10, 16); err == nil {
			port = uint16(n)
		}
	}
	return target{dst: netip.AddrPortFrom(netip.Addr{}, port)}
}

// consider decides about a request without sending it. A request for which there is no plan and no reason passes as it is.
func (x *exchange) consider() (sent enforce.Sent, body []byte, reason decide.Reason) {
	if x.to.host, x.to.port, reason = canonicalHost(x.r, x.asked.target()); reason != "" {
		return sent, nil, reason
	}
	if !x.state.Index.Governs(x.to.host) {
		return sent, nil, x.askedElsewhere()
	}
	if reason = x.to.canonical(x.r, x.state.constants); reason == "" {
		reason = x.find()
	}
	named := x.r.Header[decide.PurposeHeader]
	switch {
	case reason != "":
		return sent, nil, reason
	case x.asked.Purpose != "" && len(named) > 0 && named[0] != x.asked.Purpose:
		return sent, nil, decide.NotCanonical // two purposes of one request
	case x.endpoint.IR.NoPersonalData:
		if reason = x.askedUnread(); reason == "" {
			reason = x.askedCredential()
		}
		return sent, nil, reason
	case x.asked.doubt() != "":
		return sent, nil, x.asked.doubt()
	}
	if body, reason = x.prepare(); reason == "" {
		reason = x.askedCredential()
	}
	if reason == "" {
		sent, reason = x.weigh()
	}
	return sent, body, reason
}

// doubt tells why the body may be another one than that which is sent; empty if it is that one.
func (a *asking) doubt() decide.Reason {
	if length := a.Header["Content-Length"]; a.Doubt == "" && len(length) > 0 && length[0] != strconv.Itoa(len(a.Body)) {
		return decide.BodyTooLarge
	}
	return a.Doubt
}

// askedElsewhere decides about a request for a host that nobody declares.
func (x *exchange) askedElsewhere() decide.Reason {
	to := x.asked.Destination
	if addr, err := netip.ParseAddr(x.to.host); err == nil {
		to = netip.AddrPortFrom(addr, uint16(x.to.port)) //nolint:gosec // it was read from 16 bits
	}
	var names []string
	if to.Addr().IsValid() {
		var certain bool
		if names, _, certain = x.state.namesOf(to); !certain {
			return decide.InternalError
		}
	}
	if slices.ContainsFunc(names, x.state.Index.Governs) {
		return decide.NotCanonical // the address of a governed host under another name
	}
	if k := x.state.ungoverned(to, hello{protocol: http1, name: x.to.host}, names); k.verdict != splice {
		return k.reason
	}
	return ""
}

// askedUnread decides about a request to an endpoint without personal data. Its body is looked at for methods only.
func (x *exchange) askedUnread() decide.Reason {
	kind, form, _ := x.kind()
	if doubt := x.asked.doubt(); doubt != "" && (form || mayOverride(x.r.Method, kind)) {
		return doubt
	}
	if x.overrides() {
		return decide.NotCanonical
	}
	if _, err := io.Copy(io.Discard, x.looked(x.r.Body)); errors.Is(err, errOverrides) {
		return decide.NotCanonical
	}
	return ""
}

// askedCredential decides about the credential of a request to a service whose own the sidecar holds.
func (x *exchange) askedCredential() decide.Reason {
	c := x.endpoint.Service.Credential
	switch {
	case c == nil:
		return ""
	case !x.endpoint.Governed():
		return decide.NoPolicy // who has no rule for a service has no use of its credential
	case x.ownCredential(c) != "" && c.Own == ir.OwnRefuse:
		return decide.CredentialNotAllowed
	}
	x.asked.owe(InsertCredential)
	return ""
}

// outstanding notes what has to be done about a request whose people were decided about, and gives the reason for which it may not be sent
// whatever is done.
func (x *exchange) outstanding(sent *enforce.Sent, body []byte) decide.Reason {
	switch {
	case sent.Reason == decide.NotPermitted, sent.Accepted && x.ofAnybody() == decide.LedgerBehind:
		return x.ofAnybody()
	case sent.Reason != "":
		return sent.Reason
	case sent.Accepted, len(sent.Bodies) != 1, !bytes.Equal(sent.Bodies[0], body):
		x.asked.owe(ReplaceBody)
	}
	switch m := x.plan.Endpoint.Response; {
	case m == nil:
		x.asked.owe(WithholdAnswer)
	case !m.OfNobody():
		x.asked.owe(FilterAnswer)
	}
	return ""
}

// unpromised gives the reason for which a request may not be sent because nobody promises to do what has to be done.
func (x *exchange) unpromised() decide.Reason {
	slices.Sort(x.asked.owed)
	for _, o := range x.asked.owed {
		switch {
		case slices.Contains(x.asked.Honours, o):
		case o == ReplaceBody && x.people.refused > 0:
			return x.ofAnybody()
		default:
			return decide.ObligationUnmet
		}
	}
	return ""
}

// told puts a decision into the words of the answer.
func (x *exchange) told(reason decide.Reason, sent enforce.Sent, body []byte) Told {
	t := Told{Effect: decide.Permit, ID: x.use.ID().String(), Observed: x.state != nil && x.observing()}
	if x.plan != nil {
		t.Purpose = x.plan.Purpose.Name
	}
	if reason == "" || reason == decide.ObligationUnmet {
		t.Obligations = x.asked.owed
	}
	switch {
	case reason != "":
		t.Effect, t.Reason = decide.Deny, shown(reason)
		id := t.ID
		t.Problem = func() (int, []byte) { return problemOf(reason, id) }
	case len(t.Obligations) > 0:
		t.Effect = decide.PermitFiltered
	}
	if reason == "" && slices.Contains(t.Obligations, ReplaceBody) {
		t.Bodies = sent.Bodies
	}
	return t
}

// background is for questions that ask about no request.
var background = context.Background()

// nowhere takes the place of a connection for a request that came by none.
type nowhere struct{}

// Header implements http.ResponseWriter.
func (nowhere) Header() http.Header { return http.Header{} }

// Write implements http.ResponseWriter.
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements http.ResponseWriter.
func (nowhere) WriteHeader(int) {}
