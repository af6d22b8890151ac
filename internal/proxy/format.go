package proxy

import (
	"io"
	"net/http"
	"strings"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
)

// parseBody reads a body that is declared; nil if there is none.
func (x *exchange) parseBody(body []byte) (enforce.Body, decide.Reason) {
	if reason := enforce.Expected(x.endpoint.IR, body != nil); reason != "" || body == nil {
		return nil, reason
	}
	if !asDeclared(x.endpoint.IR.Request, x.r.Header) {
		return nil, decide.EncodingNotAllowed
	}
	return readAs(x.endpoint.IR.Request, x.r.Header, body)
}

// asDeclared tells whether a request has the format that its message declares, and no content encoding.
func asDeclared(m *ir.Message, h http.Header) bool {
	e := h.Get("Content-Encoding")
	return (e == "" || strings.EqualFold(e, "identity")) && enforce.Declares(m.Format, h["Content-Type"])
}

// readAs reads a decoded body whose headers say that it has the format that its message declares, in UTF-8.
func readAs(m *ir.Message, h http.Header, body []byte) (enforce.Body, decide.Reason) {
	if !enforce.Declares(m.Format, h["Content-Type"]) {
		return nil, decide.EncodingNotAllowed
	}
	doc, err := enforce.Read(m, body)
	if err != nil {
		return nil, decide.BodyUnreadable
	}
	return doc, ""
}

// table tells whether an answer is a table that can be decided about row by row. One in which somebody is looked up may turn out to be
// about nobody, so it is read as a whole.
func (x *exchange) table(res *http.Response) bool {
	m := x.plan.Endpoint.Response
	return m.Format == ir.FormatCSV && res.StatusCode < 300 && enforce.Declares(m.Format, res.Header["Content-Type"]) && !x.lookedUp()
}

// copyTable filters a table, by the state and the facts of the moment of each row. The reason tells why it is not whole.
func (x *exchange) copyTable(dst io.Writer, src io.Reader) decide.Reason {
	reason, err := enforce.Copy(x.plan, dst, src, func(one enforce.Person) decide.Verdict {
		if x.goOn() != "" {
			return decide.Verdict{Reason: decide.LedgerBehind} // it would be treated differently now, so nothing more of it passes
		}
		facts := x.state.facts(x.plan.Purpose)
		now := facts.Now()
		return x.judge(one, now, facts)
	})
	if err != nil && reason == "" {
		_, reason = x.reason(nil, err)
	}
	return reason
}
