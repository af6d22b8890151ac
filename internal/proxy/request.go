package proxy

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

const (
	// maxBody bounds the bodies that are checked, in bytes.
	maxBody = 16 << 20
	// bodyTime bounds how long a client may take to send one.
	bodyTime = time.Minute
)

// readBody reads the body of a request to an endpoint with personal data; nil if there is none.
func (x *exchange) readBody() ([]byte, decide.Reason) {
	if x.r.Body == nil || x.r.Body == http.NoBody || x.r.ContentLength == 0 {
		return nil, ""
	}
	if x.endpoint.IR.Request == nil && !x.observing() {
		return nil, decide.BodyUnreadable
	}
	if e := x.r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") && !x.observing() {
		return nil, decide.EncodingNotAllowed
	}
	_ = http.NewResponseController(x.w.ResponseWriter).SetReadDeadline(time.Now().Add(bodyTime))
	source := x.r.Body
	body, err := io.ReadAll(io.LimitReader(source, maxBody+1))
	_ = http.NewResponseController(x.w.ResponseWriter).SetReadDeadline(time.Time{})
	// Where nothing is enforced the request goes on as it came, with what was read of it already.
	x.r.Body = again{io.MultiReader(bytes.NewReader(body), source), source}
	switch {
	case len(body) > maxBody:
		return nil, decide.BodyTooLarge
	case err != nil:
		return nil, decide.BodyUnreadable
	case len(x.r.Trailer) > 0 && !x.observing():
		return nil, decide.NotCanonical
	case len(body) == 0:
		return nil, ""
	}
	return body, ""
}

// again is a body of which a part was read already.
type again struct {
	io.Reader
	io.Closer
}

// parseBody reads a body that is declared; nil if there is none.
func (x *exchange) parseBody(body []byte) (*jsonfilter.Document, decide.Reason) {
	declared := x.endpoint.IR.Request
	if body == nil {
		if declared != nil && len(declared.Addressees) > 0 {
			return nil, decide.BodyUnreadable
		}
		return nil, ""
	}
	if declared == nil {
		return nil, decide.BodyUnreadable
	}
	if e := x.r.Header.Get("Content-Encoding"); (e != "" && !strings.EqualFold(e, "identity")) || !isJSON(x.r.Header) {
		return nil, decide.EncodingNotAllowed
	}
	doc, err := jsonfilter.Parse(body)
	if err != nil {
		return nil, decide.BodyUnreadable
	}
	return doc, ""
}

// isJSON tells whether a message is declared as JSON in UTF-8 (RFC 8259).
func isJSON(h http.Header) bool {
	if len(h["Content-Type"]) != 1 {
		return false
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || (kind != "application/json" && !strings.HasSuffix(kind, "+json")) {
		return false
	}
	charset := params["charset"]
	return charset == "" || strings.EqualFold(charset, "utf-8")
}

// constant reads what tells purposes apart.
func (x *exchange) constant(doc *jsonfilter.Document) func(ir.Source, string) (string, bool) {
	return func(s ir.Source, name string) (string, bool) {
		switch s {
		case ir.SourceBody:
			if doc == nil {
				return "", false
			}
			return doc.Constant(name)
		case ir.SourceHeader:
			values := x.r.Header.Values(name)
			if len(values) != 1 {
				return "", false
			}
			return values[0], true
		case ir.SourceQuery:
			i := slices.IndexFunc(x.to.query, func(p parameter) bool { return p.name == name })
			if i < 0 {
				return "", false
			}
			return x.to.query[i].value, true
		default:
			return "", false
		}
	}
}

// people counts the people of one exchange, and remembers why some may not be used.
type people struct {
	permitted, refused int
	// behind tells that the facts were too old for somebody; owed that a permission depends on something that cannot be done here.
	behind, owed bool
	reasons      map[decide.Reason]int
}

// judge decides about one person. The moment is taken before the facts are looked up, so that they are at least as new.
func (x *exchange) judge(id consent.Identifier, unresolved bool, collected decide.Collected, now decide.Now, facts Facts) bool {
	v := x.plan.Unresolved()
	if !unresolved {
		_, _, err := facts.Lookup(id, x.plan.Purpose.Name)
		switch {
		case err == nil:
			v = x.plan.Person(x.lookup(id), collected, now)
		case errors.Is(err, consent.ErrIdentifier):
			// Nobody can be found under this; a restriction could not be seen.
		case x.plan.NeedsFacts():
			v = decide.Verdict{Reason: decide.LedgerBehind}
		default:
			v = x.plan.Person(func(consent.PurposeID) consent.Fact { return consent.Fact{} }, collected, decide.Never)
		}
	}
	if x.people.reasons == nil {
		x.people.reasons = map[decide.Reason]int{}
	}
	x.people.reasons[v.Reason]++
	switch {
	case !v.Permit():
		x.people.refused++
		x.people.behind = x.people.behind || v.Reason == decide.LedgerBehind
		x.people.owed = x.people.owed || v.Reason == decide.ObligationUnmet
		return false
	default:
		x.people.permitted++
		return true
	}
}

// lookup gives what is known about a person for whatever purpose a decision asks for. What cannot be looked up is not known.
func (x *exchange) lookup(id consent.Identifier) decide.Facts {
	return func(name consent.PurposeID) consent.Fact {
		p := x.state.Index.Purpose(name)
		if p == nil {
			return consent.Fact{}
		}
		fact, _, err := x.state.facts(p).Lookup(id, name)
		if err != nil {
			return consent.Fact{}
		}
		return fact
	}
}

// judgeRequest decides about the people in a request: its addressees, and those whom its query names. It gives the body to
// forward; nil for one with nobody left that is answered as accepted.
func (x *exchange) judgeRequest(doc *jsonfilter.Document, body []byte) ([]byte, decide.Reason) {
	facts := x.state.facts(x.plan.Purpose)
	now := facts.Now()
	for _, q := range x.to.query {
		if who := declaredParameter(x.endpoint.IR, q.name).Person; who != nil {
			if !x.judge(consent.Identifier{Type: who.Type, Form: who.Form, Value: q.value}, false, decide.Collected{}, now, facts) {
				return nil, x.personReason()
			}
		}
	}
	if doc == nil {
		return body, ""
	}
	message := x.endpoint.IR.Request
	out, outcome := doc.Request(message, x.plan.Category, func(p jsonfilter.Person) jsonfilter.Handling {
		if x.judge(p.Identifier, p.Unresolved, decide.Collected{Declared: p.Timed, At: p.Time}, now, facts) {
			return jsonfilter.Keep
		}
		return jsonfilter.Drop
	})
	switch {
	case outcome.NotCovered > 0:
		return nil, decide.CategoryNotCovered
	case len(message.Addressees) == 0 || (outcome.People > 0 && outcome.People == outcome.Kept):
		return out, ""
	case outcome.People == 0, x.people.behind, x.people.owed, x.plan.OnMissing != ir.OnMissingDropAddressee:
		return nil, x.personReason()
	case outcome.Kept > 0:
		return out, ""
	case x.plan.OnEmpty == ir.OnEmptyAnswerAccepted:
		return nil, ""
	default:
		return nil, decide.NotPermitted
	}
}

func (x *exchange) personReason() decide.Reason {
	switch {
	case x.people.behind:
		return decide.LedgerBehind
	case x.people.owed:
		return decide.ObligationUnmet
	default:
		return decide.NotPermitted
	}
}
