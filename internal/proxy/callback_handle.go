package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/optup/optup/internal/callback"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
	ledgerwire "github.com/optup/optup/internal/ledger/wire"
)

// maxCallback bounds the body of a callback in bytes. SendGrid sends batches of at most 768 KB.
const maxCallback = 4 << 20

// takeCall handles one request that came to a port at which services call the workload. Those to other paths pass as they are.
func (x *exchange) takeCall(seen *passedCalls) {
	t, _ := x.r.Context().Value(targetKey{}).(target)
	x.state = x.proxy.Current.Load()
	if x.state == nil {
		x.later(decide.InternalError)
		return
	}
	app := upstream{scheme: "http", addr: t.dst.String(), host: x.r.Host}
	c, reason := findCallback(x.state.callbacks[t.dst.Port()], x.r)
	if c == nil {
		x.passTo(app)
		return
	}
	x.called, x.endpoint = c, c.endpoint
	x.w.decision = x.use.ID().String()
	a := calling{exchange: x, app: app, seen: seen}
	switch {
	case reason != "":
		a.refused(reason, nil)
	case c.Blocked != "":
		a.later(decide.Reason(c.Blocked))
	case !slices.Contains(c.Methods, x.r.Method):
		a.refused(decide.EndpointUnknown, nil)
	default:
		a.run()
	}
}

// calling is one call of a callback. The phases follow the order of what is proven: who sends it, what people say by it, whose records
// the application may see.
type calling struct {
	*exchange
	app  upstream
	seen *passedCalls
	// kinds are exchanges of their own for each kind of records, which has a purpose, a record of uses and figures of its own.
	kinds []*exchange
}

func (a *calling) run() {
	if a.r.ContentLength != 0 {
		_ = http.NewResponseController(a.w.ResponseWriter).SetReadDeadline(time.Now().Add(a.proxy.stall))
	}
	body, reason := a.readCall()
	if reason != "" {
		a.refused(reason, body)
		return
	}
	now := a.proxy.clock()
	stamp, err := a.verify(body, now)
	switch {
	case errors.Is(err, callback.ErrSecret):
		a.later(decide.InternalError)
		return
	case err != nil:
		a.proxy.Logger.Debug("a callback was refused", "policy", a.called.Policy, "error", err)
		a.refused(decide.SignatureRefused, body)
		return
	}
	if a.observing() {
		a.take(body)
		return
	}
	id := callOf(a.called.Policy, stamp, body)
	before, under := a.seen.begin(id, now, time.Duration(a.called.Signature.ToleranceSeconds)*time.Second)
	switch {
	case before:
		a.answered(http.StatusOK, "repeated")
		return
	case under:
		a.later(busy)
		return
	}
	done := false
	defer func() { a.seen.end(id, done) }()
	done = a.take(body)
}

// take tells the ledger and passes on. It tells whether the application took it, or there was nothing for it.
func (a *calling) take(body []byte) bool {
	in, reason := enforce.ReadInbound(a.called.Callback, body)
	if reason != "" {
		a.refused(reason, body)
		return false
	}
	// A no holds, whatever becomes of the rest, and where nothing else is enforced.
	if err := a.tell(in); err != nil {
		a.proxy.Logger.Error("what people said by a callback could not be told to the ledger; the service is asked to try again", "policy", a.called.Policy, "error", err)
		a.later(decide.LedgerBehind)
		return false
	}
	if a.called.reason != "" {
		if a.observing() {
			a.would(a.called.reason)
			a.asItCame(body, "passed")
			return true
		}
		a.later(a.called.reason)
		return false
	}
	passed := a.filter(in)
	switch {
	case a.observing():
		if passed.Reason != "" {
			a.would(passed.Reason)
		}
		a.asItCame(body, "passed")
		return true
	case passed.Reason != "":
		a.later(passed.Reason)
		return false
	case passed.Kept == 0 && passed.Dropped > 0:
		a.answered(http.StatusOK, "emptied")
		return true
	case passed.Dropped+passed.Redacted > 0:
		return a.forward(passed.Body, "filtered")
	default:
		return a.forward(passed.Body, "passed")
	}
}

// readCall reads a body that can be verified: whole, as it came, in one reading.
func (a *calling) readCall() ([]byte, decide.Reason) {
	for name := range a.r.Header {
		if f := folded(name); f != name && (framing[f] || rerouting[f] || prefixing[f]) {
			return nil, decide.NotCanonical
		}
	}
	switch {
	case len(a.r.Header["Upgrade"]) > 0, len(a.r.Trailer) > 0:
		return nil, decide.NotCanonical
	case a.r.Body == nil || a.r.ContentLength == 0:
		return nil, decide.BodyUnreadable
	case !enforce.Declares(a.called.Body.Format, a.r.Header["Content-Type"]), len(a.r.Header["Content-Encoding"]) > 0:
		return nil, decide.EncodingNotAllowed
	case a.r.ContentLength > maxCallback:
		return nil, decide.BodyTooLarge
	}
	since := time.Now()
	body, err := a.hold(io.LimitReader(a.r.Body, maxCallback+1), a.r.ContentLength)
	a.came(body, since)
	switch {
	case errors.Is(err, errBusy):
		return body, busy
	case errors.Is(err, errTooLarge), len(body) > maxCallback:
		return body, decide.BodyTooLarge
	case err != nil:
		return body, decide.BodyUnreadable
	}
	_ = http.NewResponseController(a.w.ResponseWriter).SetReadDeadline(time.Time{})
	return body, ""
}

// verify gives the signed time as it is written, which names the call together with its body.
func (a *calling) verify(body []byte, now time.Time) (string, error) {
	s := &a.called.Signature
	c := callback.Call{
		Header: func(name string) []string { return a.r.Header[http.CanonicalHeaderKey(name)] }, Body: body, Now: now,
	}
	if secret, ok := a.proxy.Credentials.Get(a.called.Service, s.Key); ok && s.Key != "" {
		c.Secret = []byte(secret.Reveal())
	}
	if err := callback.Verify(s, c); err != nil {
		return "", err
	}
	return callback.Stamp(s, c.Header), nil
}

// tell tells the ledgers what people said, each in as few calls as it takes. It fails unless all of it is durable, or can never be.
func (a *calling) tell(in *enforce.Inbound) error {
	said, nameless := in.Said()
	a.proxy.Metrics.told(a.called, "nameless", nameless)
	if nameless > 0 {
		a.proxy.Logger.Warn("records of a callback say no to something, and nobody can tell whose they are", "policy", a.called.Policy, "records", nameless)
	}
	by := map[string][]ledgerwire.CallbackEvent{}
	var order []string
	for _, s := range said {
		if by[s.Controller] == nil {
			order = append(order, s.Controller)
		}
		by[s.Controller] = append(by[s.Controller], ledgerwire.CallbackEvent{
			Key: s.Key, Identifier: s.Identifier, Type: s.Type, Scope: s.Scope, Channel: s.Channel, Purpose: s.Purpose, OccurredAt: s.At.UTC(),
		})
	}
	for _, controller := range order {
		for some := range slices.Chunk(by[controller], ledgerwire.MaxCallbackEvents) {
			if a.proxy.Tell == nil {
				return errors.New("no ledger is followed")
			}
			// What was begun goes on if the service hangs up: it will try again, and what was told counts once.
			taken, err := a.proxy.Tell(context.WithoutCancel(a.r.Context()), controller, ledgerwire.CallbackEvents{
				Version: ledgerwire.CallbacksVersion, Service: a.called.Service, Events: some,
			})
			if err != nil {
				return err
			}
			a.proxy.Metrics.told(a.called, "appended", taken.Appended)
			a.proxy.Metrics.told(a.called, "replayed", taken.Replayed)
			a.proxy.Metrics.told(a.called, "refused", taken.Refused)
		}
	}
	return nil
}

// filter decides about the records, each by the plan of its kind.
func (a *calling) filter(in *enforce.Inbound) enforce.Passed {
	a.kinds = make([]*exchange, len(a.called.plans))
	return in.Filter(a.called.plans, func(kind int, p enforce.Person) decide.Verdict {
		y := a.kinds[kind]
		if y == nil {
			y = &exchange{proxy: a.proxy, w: a.w, r: a.r, state: a.state, called: a.called, endpoint: a.called.endpoints[kind], plan: a.called.plans[kind]}
			y.use = a.proxy.Uses.Begin(a.start)
			about := y.about()
			now := y.state.facts(y.plan.Purpose).Now()
			about.Position, about.At = now.Position, now.Ledger
			y.use.About(about)
			a.kinds[kind] = y
		}
		facts := y.state.facts(y.plan.Purpose)
		return y.judge(p, facts.Now(), facts)
	})
}

// decidedKinds ends what is recorded of each kind of records.
func (a *calling) decidedKinds(reason decide.Reason) {
	for _, y := range a.kinds {
		if y == nil {
			continue
		}
		effect, public := decide.Deny, reason
		if reason == "" {
			effect, public = y.outcome()
		}
		a.proxy.Metrics.decision(y, effect, public)
	}
}

// forward passes a body on to the application, and its status back. It tells whether the application took it.
func (a *calling) forward(body []byte, outcome string) bool {
	out := a.outgoing(a.r.Context(), a.app, io.NopCloser(bytes.NewReader(body)), int64(len(body)))
	out.Method = a.r.Method
	unsigned(out.Header, &a.called.Signature)
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	res, err := a.roundTrip(out)
	if err != nil {
		a.decidedKinds("")
		a.proxy.Metrics.called(a.called, "application-away")
		a.unreachable(err)
		return false
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, chunk)) // the connection is used again if nothing is left to read
	status := res.StatusCode
	if status < 200 || status == http.StatusSwitchingProtocols {
		status = http.StatusBadGateway
	}
	if status >= 300 {
		outcome = "application-refused"
	}
	a.answered(status, outcome)
	return status < 300
}

// unsigned takes out what says something about bytes that may be others now, and what an application may be rerouted by. It is the same
// whether or not something was taken out, so that an application cannot come to rely on it.
func unsigned(h http.Header, s *ir.Signature) {
	names := []string{s.Header}
	if s.Timestamp != nil {
		names = append(names, s.Timestamp.Header)
	}
	if s.Type == ir.SignatureSendGrid {
		names = []string{callback.SendGridSignature, callback.SendGridTimestamp}
	}
	for name := range h {
		f := folded(name)
		if partial[f] || rerouting[f] || prefixing[f] || slices.ContainsFunc(names, func(n string) bool { return http.CanonicalHeaderKey(n) == f }) {
			delete(h, name)
		}
	}
}

// answered ends a call with a status and nothing else: what the application would say to the service may be about people.
func (a *calling) answered(status int, outcome string) {
	a.decidedKinds("")
	a.proxy.Metrics.called(a.called, outcome)
	a.w.Header().Set("Content-Length", "0")
	a.w.WriteHeader(status)
}

// refused ends a call that will never pass. Where nothing is enforced it goes on as it came.
func (a *calling) refused(reason decide.Reason, body []byte) {
	if a.observing() && reason != busy {
		a.would(reason)
		a.asItCame(body, string(shown(reason)))
		return
	}
	a.proxy.Metrics.called(a.called, string(shown(reason)))
	a.refuse(reason)
}

// asItCame passes a call on where nothing is enforced, with a body that was read, or that nobody has read (nil).
func (a *calling) asItCame(body []byte, outcome string) {
	a.decidedKinds("")
	a.proxy.Metrics.called(a.called, outcome)
	if body != nil {
		a.r.Body = again{io.MultiReader(bytes.NewReader(body), a.r.Body), a.r.Body}
	}
	a.passTo(a.app)
}

// later ends a call that may pass when it comes again. Services try again for hours or days: until then nothing is lost.
func (a *calling) later(reason decide.Reason) {
	if a.observing() && a.called.Blocked != "" {
		a.would(reason)
		a.asItCame(nil, string(shown(reason)))
		return
	}
	a.decidedKinds(reason)
	a.proxy.Metrics.called(a.called, string(shown(reason)))
	a.exchange.later(reason)
}

// later denies with a status that says that it is worth trying again.
func (x *exchange) later(reason decide.Reason) {
	x.proxy.Metrics.decision(x, decide.Deny, reason)
	b := newProblem(reason, x.use.ID().String())
	b.Status = http.StatusServiceUnavailable
	tell(x.w, b)
}

// clock is the time that signed times are compared with.
func (p *Proxy) clock() time.Time {
	if p.now != nil {
		return p.now()
	}
	return time.Now()
}
