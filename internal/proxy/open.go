package proxy

import (
	"net/http"

	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
)

// nobodys tells whether an answer is one that is declared to hold nothing personal at all, as it came: in its declared format and without
// an encoding. Where what is in force has changed meanwhile it is read like any other.
func (x *exchange) nobodys(res *http.Response, m *ir.Message) bool {
	return m.OfNobody() && res.StatusCode < 300 && x.load() == x.state && len(res.Header["Content-Encoding"]) == 0 &&
		enforce.Declares(m.Format, res.Header["Content-Type"])
}

// asItIs passes such an answer on unread. Its headers are no part of what was declared, nor are its trailers.
func (x *exchange) asItIs(res *http.Response) {
	x.decided()
	h := x.w.Header()
	owned(h, res)
	h["Content-Type"] = []string{mediaType(res.Header)}
	if length := res.Header["Content-Length"]; res.ContentLength >= 0 && len(length) == 1 {
		h["Content-Length"] = length
	}
	x.w.WriteHeader(res.StatusCode)
	x.copyBody(res)
}
