package proxy

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/jsonfilter"
)

// telling are answer headers that describe or identify the body that the service sent, which is not the one that is passed on.
var telling = []string{
	"Content-Length", "Content-Range", "Accept-Ranges", "Etag", "Last-Modified", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5",
	"Content-Encoding", "Transfer-Encoding", "Trailer", "X-Total-Count", "X-Total", "Link", "Age", "Expires",
}

// answer passes a service's answer on, without what may not be seen. Answers from endpoints without a declared response keep their
// status and lose their body, because nobody said what is in it.
func (x *exchange) answer(res *http.Response) {
	removeHopByHop(res.Header)
	if x.observing() {
		x.observe(res)
		return
	}
	copyHeader(x.w.Header(), res.Header)
	for _, h := range telling {
		x.w.Header().Del(h)
	}
	x.w.Header().Set("Cache-Control", "no-store")
	message := x.endpoint.IR.Response
	if (res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone) && x.aboutOne() {
		x.absent() // a person who is not there and one who refused look the same
		return
	}
	if message == nil || res.StatusCode == http.StatusNoContent || x.r.Method == http.MethodHead {
		x.decided()
		x.w.Header().Del("Content-Type")
		x.w.Header().Set("Content-Length", "0")
		if res.StatusCode == http.StatusNoContent {
			x.w.Header().Del("Content-Length")
		}
		x.w.WriteHeader(res.StatusCode)
		return
	}
	body, absent, reason := x.filterAnswer(res)
	switch {
	case absent:
		x.absent()
		return
	case reason != "" && res.StatusCode >= 300:
		body = []byte("{}") // an error page that cannot be read keeps its status only
		x.w.Header().Set("Content-Type", "application/json")
	case reason != "":
		clear(x.w.Header())
		x.proxy.Metrics.decision(x, decide.Deny, reason)
		deny(x.w, reason)
		return
	}
	x.decided()
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(res.StatusCode)
	_, _ = x.w.Write(body)
}

// absent answers for one person who is not there, or may not be shown.
func (x *exchange) absent() {
	clear(x.w.Header())
	x.proxy.Metrics.decision(x, decide.Deny, decide.NotPermitted)
	deny(x.w, decide.NotPermitted)
}

// aboutOne tells whether the endpoint is about one person, whom the request names or whom alone the answer shows.
func (x *exchange) aboutOne() bool { return enforce.NamesPeople(x.endpoint.IR) || x.oneRecord() }

func (x *exchange) oneRecord() bool {
	m := x.endpoint.IR.Response
	return m != nil && m.Records != nil && m.Records.Each == ""
}

// filterAnswer decides about the people in an answer, with the facts of this moment and not of when the request began. Absent tells
// that the answer was about one person and has nothing left.
func (x *exchange) filterAnswer(res *http.Response) (body []byte, absent bool, reason decide.Reason) {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	switch e := res.Header.Get("Content-Encoding"); {
	case err != nil:
		return nil, false, decide.BodyUnreadable
	case len(body) == 0:
		return nil, x.r.Method == http.MethodGet && x.oneRecord(), "" // nothing is shown, and nothing has to be read
	case len(body) > maxBody:
		return nil, false, decide.BodyTooLarge
	case e != "" && !strings.EqualFold(e, "identity"), !isJSON(res.Header):
		return nil, false, decide.EncodingNotAllowed
	}
	doc, err := jsonfilter.Parse(body)
	if err != nil {
		return nil, false, decide.BodyUnreadable
	}
	facts := x.state.facts(x.plan.Purpose)
	now := facts.Now()
	out := enforce.Answer(x.plan, doc, func(one enforce.Person) decide.Verdict { return x.judge(one, now, facts) })
	return out.Body, out.Absent, out.Reason
}

// observe passes an answer on as it is, and counts what would have become of it.
func (x *exchange) observe(res *http.Response) {
	copyHeader(x.w.Header(), res.Header)
	message := x.endpoint.IR.Response
	if x.plan == nil || message == nil || res.ContentLength > maxBody {
		x.decided()
		x.w.WriteHeader(res.StatusCode)
		x.stream(res.Body)
		return
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	copied := *res
	copied.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) <= maxBody {
		if _, _, reason := x.filterAnswer(&copied); reason != "" && res.StatusCode < 300 {
			x.would(reason)
		}
	}
	x.decided()
	x.w.WriteHeader(res.StatusCode)
	if _, err := x.w.Write(body); err != nil {
		return
	}
	x.stream(res.Body)
}

// decided counts the outcome of a request that was not denied, or would have been where nothing is enforced.
func (x *exchange) decided() {
	switch {
	case x.wouldDeny != "":
		x.proxy.Metrics.decision(x, decide.Deny, x.wouldDeny)
	case x.people.refused > 0:
		x.proxy.Metrics.decision(x, decide.PermitFiltered, decide.NotPermitted)
	default:
		x.proxy.Metrics.decision(x, decide.Permit, "")
	}
}
