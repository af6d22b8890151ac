package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
	"github.com/optup/optup/internal/proxy/decode"
)

const (
	// maxRecord bounds one record of an answer that flows, in bytes. Nothing else of it is held.
	maxRecord = 1 << 20
	// shortBody is up to how many bytes an answer is decided about as a whole, so that what goes wrong is told by an answer of its own.
	shortBody = 64 << 10
)

// sequenceOf tells how the documents of an answer follow one another; false if it is one document, or not what is declared. The records
// of a sequence are declared as "/*".
func sequenceOf(h http.Header, m *ir.Message) (jsonfilter.Framing, bool) {
	if m.Records == nil || !strings.HasPrefix(m.Records.Each, "/*") || !enforce.Declares(m.Format, h["Content-Type"]) {
		return jsonfilter.Whole, false
	}
	switch m.Format {
	case ir.FormatNDJSON:
		return jsonfilter.Lines, true
	case ir.FormatEventStream:
		return jsonfilter.Events, true
	default:
		return jsonfilter.Whole, false
	}
}

// sequence decides about the documents of an answer as they come.
func (x *exchange) sequence(res *http.Response, framing jsonfilter.Framing) {
	plain, reason := x.decoded(res)
	if reason != "" {
		x.withheld(reason)
		return
	}
	length := res.ContentLength
	if framing == jsonfilter.Events || (x.plan.OnMissing != ir.OnMissingDeny && (length < 0 || length > shortBody || len(res.Header["Content-Encoding"]) > 0)) {
		x.flow(res, plain, framing)
		return
	}
	body, reason := x.reason(x.hold(plain, length))
	var out bytes.Buffer
	if reason == "" {
		reason = x.copy(&out, bytes.NewReader(body), framing, nil)
	}
	if reason != "" {
		x.withheld(reason)
		return
	}
	x.decided()
	owned(x.w.Header(), res)
	x.w.Header().Set("Content-Type", mediaType(res.Header))
	x.writeWhole(res.StatusCode, out.Bytes())
}

// flow decides about the records of a long answer as they come, with the facts and the bundle of that moment. After the first byte the
// answer can only be broken off, and is: what remains never looks like an end.
func (x *exchange) flow(res *http.Response, plain io.Reader, framing jsonfilter.Framing) {
	out := &late{x: x, res: res}
	flush := out.flush
	if framing != jsonfilter.Whole {
		out.begin() // nobody waits for the first record to know that there is an answer
		_ = x.w.flush()
	} else {
		flush, out.gathered = nil, newPausing(x.w, false)
		defer out.gathered.stop()
	}
	reason := x.copy(out, plain, framing, flush)
	switch {
	case reason == "":
		out.begin()
		x.decided()
		if out.gathered != nil && out.gathered.end() != nil {
			panic(http.ErrAbortHandler)
		}
	case out.begun:
		x.proxy.Metrics.decision(x, decide.Deny, reason)
		panic(http.ErrAbortHandler)
	default:
		x.withheld(reason)
	}
}

// copy filters an answer. The reason tells why it is not whole.
func (x *exchange) copy(dst io.Writer, src io.Reader, framing jsonfilter.Framing, flush func()) decide.Reason {
	if x.plan.Endpoint.Response.Format == ir.FormatCSV {
		return x.copyTable(dst, src)
	}
	program, err := x.state.program(x.plan, framing != jsonfilter.Whole)
	if err != nil {
		return decide.BodyUnreadable
	}
	var stopped decide.Reason
	_, err = program.Copy(dst, src, func(people []jsonfilter.Subject, out []jsonfilter.Handling) {
		if stopped = x.batch(people, out); stopped != "" && x.observing() {
			x.would(stopped)
			clear(out) // it goes nowhere, and goes on
		}
		if framing != jsonfilter.Whole {
			x.use.Pause() // the next record may be long in coming
		}
	}, jsonfilter.Options{Framing: framing, Record: maxRecord, Flush: flush})
	if errors.Is(err, jsonfilter.ErrStopped) && stopped != "" {
		return stopped
	}
	_, reason := x.reason(nil, err)
	return reason
}

// batch decides about some people, by the state and the facts of this moment.
func (x *exchange) batch(people []jsonfilter.Subject, out []jsonfilter.Handling) decide.Reason {
	if reason := x.goOn(); reason != "" {
		for i := range out {
			out[i] = jsonfilter.Stop
		}
		return reason
	}
	facts := x.state.facts(x.plan.Purpose)
	now := facts.Now()
	room := crowds.Get().(*crowd)
	defer crowds.Put(room)
	defer room.clear(len(people))
	room.judge(x.plan, facts, people, now)
	var single decide.Verdict
	return enforce.Batch(x.plan, people, out, func(i int) *decide.Verdict {
		if v := room.verdicts[i]; v != nil {
			x.use.Person(room.found[i].Tag, room.found[i].Tagged, v)
			x.count(decide.InAnswer, v)
			return v
		}
		single = x.judge(enforce.Subject(x.plan, &people[i]), now, facts)
		return &single
	})
}

// reason is why a body could not be read.
func (*exchange) reason(body []byte, err error) ([]byte, decide.Reason) {
	switch {
	case err == nil:
		return body, ""
	case errors.Is(err, errTooLarge), errors.Is(err, decode.ErrBomb), errors.Is(err, jsonfilter.ErrTooLarge):
		return nil, decide.BodyTooLarge
	case errors.Is(err, errBusy):
		return nil, busy
	default:
		return nil, decide.BodyUnreadable
	}
}

// ofOneDocument is what is declared about one document of a sequence.
func ofOneDocument(m *ir.Message) *ir.Message {
	one := *m
	records := *m.Records
	cut := func(pointer string) string { return strings.TrimPrefix(pointer, "/*") }
	records.Each = cut(records.Each)
	one.Records = &records
	one.Fields, one.NotPersonal, one.Totals = nil, nil, nil
	for _, f := range m.Fields {
		one.Fields = append(one.Fields, ir.Field{Pointer: cut(f.Pointer), Category: f.Category})
	}
	for _, p := range m.NotPersonal {
		one.NotPersonal = append(one.NotPersonal, cut(p))
	}
	for _, p := range m.Totals {
		one.Totals = append(one.Totals, cut(p))
	}
	return &one
}

// renewPlan takes the state that is in force.
func (x *exchange) renewPlan() decide.Reason {
	if s := x.load(); s == nil || s == x.state || x.observing() {
		return ""
	}
	if reason := x.renew(); reason != "" {
		return reason
	}
	plan, reason := x.state.Index.Plan(x.endpoint, x.constant(x.doc))
	if reason != "" {
		return reason
	}
	x.plan = plan
	return ""
}

// goOn takes the state that is in force for a sequence that is under way. One that it would treat differently ends.
func (x *exchange) goOn() decide.Reason {
	before := x.plan
	if reason := x.renewPlan(); reason != "" {
		return reason
	}
	plan := x.plan
	if plan == before {
		return ""
	}
	if plan.Mode != before.Mode || plan.OnMissing != before.OnMissing || plan.Redaction != before.Redaction ||
		!reflect.DeepEqual(plan.Purpose.Categories, before.Purpose.Categories) || plan.Purpose.Name != before.Purpose.Name ||
		!reflect.DeepEqual(plan.Endpoint.Response, before.Endpoint.Response) {
		return decide.LedgerBehind
	}
	return ""
}

// watch passes a sequence on as it is, and counts what would have become of it.
func (x *exchange) watch(res *http.Response, framing jsonfilter.Framing) {
	x.w.WriteHeader(res.StatusCode)
	_ = x.w.flush()
	tee := io.TeeReader(res.Body, flushing{x.w})
	if reason := x.copy(io.Discard, tee, framing, nil); reason != "" {
		x.would(reason)
		if _, err := io.Copy(io.Discard, tee); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	x.decided()
}

// late begins an answer with its first byte.
type late struct {
	x     *exchange
	res   *http.Response
	begun bool
	// gathered is set for an answer whose every piece nobody waits for.
	gathered *pausing
}

func (l *late) begin() {
	if l.begun {
		return
	}
	l.begun = true
	h := l.x.w.Header()
	owned(h, l.res)
	h.Set("Content-Type", mediaType(l.res.Header))
	l.x.w.WriteHeader(l.res.StatusCode)
}

// Write implements io.Writer.
func (l *late) Write(b []byte) (int, error) {
	l.begin()
	if l.gathered != nil {
		return len(b), l.gathered.gather(b)
	}
	l.x.w.progress()
	return l.x.w.Write(b)
}

func (l *late) flush() {
	if l.begun {
		l.x.w.progress()
		_ = l.x.w.flush()
	}
}
