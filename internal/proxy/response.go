package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/defence"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
	"github.com/optup/optup/internal/proxy/decode"
)

// answer passes a service's answer on, without what may not be seen. Answers from endpoints without a declared response keep their
// status and lose their body, because nobody said what is in it.
func (x *exchange) answer(res *http.Response) {
	if x.observing() {
		x.observe(res)
		return
	}
	message := x.endpoint.IR.Response
	framing, sequence := jsonfilter.Whole, false
	if message != nil && res.StatusCode < 300 {
		framing, sequence = sequenceOf(res.Header, message)
	}
	switch {
	case x.missing(res):
		x.absent() // a person who is not there and one who refused look the same
	case defence.Ranges && (res.StatusCode == http.StatusPartialContent || res.StatusCode == http.StatusNotModified), res.StatusCode < 200:
		// Nobody asked for a part or a comparison.
		if x.oneRecord() {
			x.hidden(decide.EncodingNotAllowed)
			return
		}
		x.withheld(decide.EncodingNotAllowed)
	case message == nil || res.StatusCode == http.StatusNoContent || x.r.Method == http.MethodHead:
		x.bare(res)
	case !defence.Coding && len(res.Header["Content-Encoding"]) > 0, !defence.Types && !enforce.Declares(message.Format, res.Header["Content-Type"]):
		x.unread(res)
	case x.nobodys(res, message):
		x.asItIs(res)
	case sequence:
		x.sequence(res, framing)
	case x.table(res):
		x.sequence(res, jsonfilter.Whole)
	case x.long(res):
		x.list(res)
	default:
		body, reason := x.readAnswer(res)
		x.whole(res, body, reason)
	}
}

// missing tells whether an answer says that one person is not there, by its status. Of one person whom only the body would name, no
// answer without a body is given: it would tell that there is somebody who refused.
func (x *exchange) missing(res *http.Response) bool {
	if !defence.Absent || !x.aboutOne() {
		return false
	}
	switch res.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return true
	case http.StatusNoContent:
		return x.r.Method == http.MethodGet || x.r.Method == http.MethodHead
	default:
		return x.r.Method == http.MethodHead && x.oneRecord()
	}
}

// bare passes on that there was an answer.
func (x *exchange) bare(res *http.Response) {
	x.decided()
	h := x.w.Header()
	owned(h, res)
	h["Content-Type"] = nil
	if res.StatusCode != http.StatusNoContent && x.r.Method != http.MethodHead {
		h.Set("Content-Length", "0")
	}
	x.w.WriteHeader(res.StatusCode)
	if res.ContentLength > 0 && res.ContentLength <= chunk {
		// The connection is used again if nothing is left to read.
		_, _ = io.Copy(io.Discard, res.Body)
	}
}

// long tells whether an answer may be a list that flows. Those whose policy needs the whole of it, or that may turn out to be about
// nobody, do not.
func (x *exchange) long(res *http.Response) bool {
	m := x.plan.Endpoint.Response
	return res.StatusCode < 300 && (res.ContentLength < 0 || res.ContentLength > shortBody) && m.Format == ir.FormatJSON && enforce.Declares(m.Format, res.Header["Content-Type"]) &&
		m.Records != nil && m.Records.Each != "" && x.plan.OnMissing != ir.OnMissingDeny && !x.lookedUp()
}

// list decides about a list, as a whole if it is short.
func (x *exchange) list(res *http.Response) {
	plain, reason := x.decoded(res)
	if reason != "" {
		x.withheld(reason)
		return
	}
	if _, err := x.state.program(x.plan, false); err != nil {
		body, reason := x.reason(x.hold(plain, -1))
		x.whole(res, body, reason)
		return
	}
	body, err := x.hold(io.LimitReader(plain, shortBody+1), -1)
	if err == nil && len(body) > shortBody {
		x.flow(res, io.MultiReader(bytes.NewReader(body), plain), jsonfilter.Whole)
		return
	}
	body, reason = x.reason(body, err)
	x.whole(res, body, reason)
}

// whole decides about an answer that was read as a whole, so that what goes wrong is told by an answer of its own. The reason tells why
// it could not be read.
func (x *exchange) whole(res *http.Response, body []byte, reason decide.Reason) {
	absent := false
	if reason == "" {
		body, absent, reason = x.filterAnswer(res, body)
	}
	kind := mediaType(res.Header)
	switch {
	case absent && defence.Absent:
		x.absent()
		return
	case unreadable[reason] && res.StatusCode < 300 && x.oneRecord():
		x.hidden(reason)
		return
	case reason != "" && res.StatusCode >= 300:
		body, kind = []byte("{}"), "application/json" // an error page that cannot be read keeps its status only
	case reason != "":
		x.withheld(reason)
		return
	}
	x.decided()
	h := x.w.Header()
	owned(h, res)
	h["Content-Type"] = nil
	if len(body) > 0 {
		h.Set("Content-Type", kind)
	}
	x.writeWhole(res.StatusCode, body)
}

// writeWhole writes an answer that is there as a whole.
func (x *exchange) writeWhole(status int, body []byte) {
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	for len(body) > 0 {
		n := min(len(body), chunk)
		x.w.progress()
		if _, err := x.w.Write(body[:n]); err != nil {
			return
		}
		body = body[n:]
	}
}

// absent answers for one person who is not there, or may not be shown.
func (x *exchange) absent() {
	clear(x.w.Header())
	x.refuse(x.ofAnybody())
}

// ofAnybody is why somebody of whom nothing is known may not be used now. While facts are too old that is said of everybody: who is
// restricted, or not there, would else be told apart from who is.
func (x *exchange) ofAnybody() decide.Reason {
	nothing := func(consent.PurposeID) consent.Fact { return consent.Fact{} }
	if x.plan.Person(nothing, decide.Collected{}, x.state.facts(x.plan.Purpose).Now()).Reason == decide.LedgerBehind {
		return decide.LedgerBehind
	}
	return decide.NotPermitted
}

// unreadable are the reasons for which an answer is withheld before anybody in it is judged.
var unreadable = map[decide.Reason]bool{decide.BodyUnreadable: true, decide.BodyTooLarge: true, decide.EncodingNotAllowed: true}

// hidden answers as absent does for one person whose answer cannot be read: what cannot be read is there.
func (x *exchange) hidden(reason decide.Reason) {
	clear(x.w.Header())
	x.proxy.Metrics.decision(x, decide.Deny, reason)
	deny(x.w, x.ofAnybody(), x.use.ID().String())
}

// withheld answers instead of a service whose answer cannot be passed on.
func (x *exchange) withheld(reason decide.Reason) {
	clear(x.w.Header())
	x.proxy.Metrics.decision(x, decide.Deny, reason)
	withhold(x.w, reason, x.use.ID().String())
}

// aboutOne tells whether the endpoint is about one person, whom the request names or whom alone the answer shows.
func (x *exchange) aboutOne() bool { return enforce.NamesPeople(x.endpoint.IR) || x.oneRecord() }

func (x *exchange) oneRecord() bool {
	m := x.endpoint.IR.Response
	return m != nil && m.Records != nil && m.Records.Each == ""
}

// lookedUp tells whether the request looks for a person in a list: an empty one says that this person is not there.
func (x *exchange) lookedUp() bool {
	m := x.endpoint.IR.Response
	if x.r.Method != http.MethodGet || m == nil || m.Records == nil {
		return false
	}
	for _, q := range x.to.query {
		for i := range x.endpoint.IR.Query {
			if p := &x.endpoint.IR.Query[i]; p.Name == q.Name && p.Person != nil {
				return true
			}
		}
	}
	return false
}

// filterAnswer decides about the people in an answer, with the facts of this moment and not of when the request began. Absent tells
// that the answer was about one person and has nothing left.
func (x *exchange) filterAnswer(res *http.Response, body []byte) (out []byte, absent bool, reason decide.Reason) {
	switch {
	case len(body) == 0:
		return nil, x.r.Method == http.MethodGet && x.oneRecord(), "" // nothing is shown, and nothing has to be read
	}
	doc, reason := readAs(x.endpoint.IR.Response, res.Header, body)
	if reason != "" {
		return nil, false, reason
	}
	if reason := x.renewPlan(); reason != "" {
		return nil, false, reason
	}
	facts := x.state.facts(x.plan.Purpose)
	now := facts.Now()
	r := enforce.Answer(x.plan, doc, func(one enforce.Person) decide.Verdict { return x.judge(one, now, facts) })
	if r.Reason == "" && res.StatusCode < 300 && x.lookedUp() && x.people.shown == 0 {
		return nil, true, ""
	}
	return r.Body, r.Absent, r.Reason
}

// readAnswer reads and decodes the body of an answer.
func (x *exchange) readAnswer(res *http.Response) ([]byte, decide.Reason) {
	plain, reason := x.decoded(res)
	if reason != "" {
		return nil, reason
	}
	length := res.ContentLength
	if len(res.Header["Content-Encoding"]) > 0 {
		length = -1
	}
	return x.reason(x.hold(plain, length))
}

// decoded reads an answer's body without its encoding.
func (*exchange) decoded(res *http.Response) (io.Reader, decide.Reason) {
	encoding := res.Header["Content-Encoding"]
	if !decode.Known(encoding) {
		return nil, decide.EncodingNotAllowed
	}
	plain, err := decode.Reader(encoding, res.Body)
	if err != nil {
		return nil, decide.BodyUnreadable
	}
	return plain, ""
}

// observe passes an answer on as it is, and counts what would have become of it.
func (x *exchange) observe(res *http.Response) {
	x.unchanged(res)
	message := x.endpoint.IR.Response
	if x.plan != nil && message != nil {
		if framing, ok := sequenceOf(res.Header, message); ok && len(res.Header["Content-Encoding"]) == 0 {
			x.watch(res, framing)
			return
		}
	}
	if x.plan == nil || message == nil || res.ContentLength > maxBody {
		x.decided()
		x.w.WriteHeader(res.StatusCode)
		x.stream(res)
		return
	}
	body, err := x.hold(res.Body, res.ContentLength)
	if err != nil && !errors.Is(err, errTooLarge) && !errors.Is(err, errBusy) {
		panic(http.ErrAbortHandler)
	}
	source := res.Body
	if err == nil {
		copied := *res
		copied.Body = io.NopCloser(bytes.NewReader(body))
		plain, reason := x.readAnswer(&copied)
		if reason == "" {
			_, _, reason = x.filterAnswer(res, plain)
		}
		if reason != "" && res.StatusCode < 300 {
			x.would(reason)
		}
	}
	x.decided()
	x.w.WriteHeader(res.StatusCode)
	res.Body = again{io.MultiReader(bytes.NewReader(body), source), source}
	x.stream(res)
}

// decided counts the outcome of a request that was not denied, or would have been where nothing is enforced.
func (x *exchange) decided() {
	effect, reason := x.outcome()
	x.proxy.Metrics.decision(x, effect, reason)
}

// outcome is what became of a request that was not denied, or would have been where nothing is enforced.
func (x *exchange) outcome() (decide.Effect, decide.Reason) {
	switch {
	case x.wouldDeny != "":
		return decide.Deny, x.wouldDeny
	case x.people.refused > 0:
		return decide.PermitFiltered, decide.NotPermitted
	default:
		return decide.Permit, ""
	}
}
