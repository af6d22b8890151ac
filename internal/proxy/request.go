package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/defence"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
)

// maxBody bounds the bodies that are checked, in bytes.
const maxBody = 16 << 20

// readBody reads the body of a request to an endpoint with personal data; nil if there is none. Whatever can be refused without it is
// refused before: a client that waits for leave to send (RFC 9110 §10.1.1) gets it with the first byte that is read.
func (x *exchange) readBody() ([]byte, decide.Reason) {
	if x.r.Body == nil || x.r.Body == http.NoBody || x.r.ContentLength == 0 {
		return nil, ""
	}
	if !x.observing() {
		switch {
		case x.endpoint.IR.Request == nil:
			return nil, decide.BodyUnreadable
		case !asDeclared(x.endpoint.IR.Request, x.r.Header):
			return nil, decide.EncodingNotAllowed
		case x.r.ContentLength > maxBody:
			return nil, decide.BodyTooLarge
		}
	}
	source, since := x.r.Body, time.Now()
	body, err := x.hold(source, x.r.ContentLength)
	x.came(body, since)
	if err == nil {
		_ = http.NewResponseController(x.w.ResponseWriter).SetReadDeadline(time.Time{})
	}
	// Where nothing is enforced the request goes on as it came, with what was read of it already.
	x.r.Body = again{io.MultiReader(bytes.NewReader(body), source), source}
	switch {
	case errors.Is(err, errTooLarge):
		return nil, decide.BodyTooLarge
	case errors.Is(err, errBusy):
		return nil, busy
	case err != nil:
		return nil, decide.BodyUnreadable
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

// constant reads what tells purposes apart.
func (x *exchange) constant(doc enforce.Body) func(ir.Source, string) (string, bool) {
	return func(s ir.Source, name string) (string, bool) {
		switch s {
		case ir.SourceBody:
			if doc == nil {
				return "", false
			}
			return doc.Constant(name)
		case ir.SourceHeader:
			if name == decide.PurposeHeader && x.asked != nil && x.asked.Purpose != "" {
				return x.asked.Purpose, true
			}
			values := x.r.Header.Values(name)
			if len(values) != 1 {
				return "", false
			}
			return values[0], true
		case ir.SourceQuery:
			i := slices.IndexFunc(x.to.query, func(p enforce.Parameter) bool { return p.Name == name })
			if i < 0 {
				return "", false
			}
			return x.to.query[i].Value, true
		default:
			return "", false
		}
	}
}

// people counts the people of one exchange, and remembers why some may not be used.
type people struct {
	permitted, refused int
	// shown are those of the answer who may be.
	shown   int
	reasons []tallied
}

// tallied is how often a reason was found.
type tallied struct {
	reason decide.Reason
	n      int
}

func (p *people) note(r decide.Reason) {
	for i := range p.reasons {
		if p.reasons[i].reason == r {
			p.reasons[i].n++
			return
		}
	}
	p.reasons = append(p.reasons, tallied{r, 1})
}

// judge decides about one person. The moment is taken before the facts are looked up, so that they are at least as new.
func (x *exchange) judge(one enforce.Person, now decide.Now, facts Facts) decide.Verdict {
	j := verdictOf(x.plan, one, now, facts)
	v := j.verdict
	switch {
	case one.Unresolved:
		v = x.plan.Unresolved()
		if !defence.Identifiers {
			v = decide.Verdict{Reason: decide.OKConsent}
		}
	case !j.known:
		v = x.plan.Unresolved()
		_, _, err := facts.Lookup(one.Identifier, x.plan.Purpose.Name)
		switch {
		case err == nil:
			v = x.plan.Person(x.lookup(one.Identifier), one.Collected, now)
		case errors.Is(err, consent.ErrIdentifier):
			// Nobody can be found under this; a restriction could not be seen.
		case x.plan.NeedsFacts():
			v = decide.Verdict{Reason: decide.LedgerBehind}
		default:
			v = x.plan.Person(func(consent.PurposeID) consent.Fact { return unknown }, one.Collected, decide.Never)
		}
	}
	if j.found.Tagged {
		x.use.Person(j.found.Tag, true, &v)
	} else {
		x.used(one, facts, &v)
	}
	x.count(one.Place, &v)
	return v
}

// count notes what was decided about one person.
func (x *exchange) count(place decide.Place, v *decide.Verdict) {
	x.people.note(v.Reason)
	switch {
	case !v.Permit():
		x.people.refused++
	case place == decide.InAnswer:
		x.people.shown++
		x.people.permitted++
	default:
		x.people.permitted++
	}
}

// unknown is the fact about somebody of whom nothing can be told, not even that there is no record: what rests on a record, or on the
// absence of an objection, is not permitted.
var unknown = consent.Fact{Ambiguous: true}

// lookup gives what is known about a person for whatever purpose a decision asks for. Facts of another controller than the plan's
// count as long as they are fresh themselves.
func (x *exchange) lookup(id consent.Identifier) decide.Facts {
	return func(name consent.PurposeID) consent.Fact {
		p := x.state.Index.Purpose(name)
		if p == nil {
			return unknown
		}
		facts := x.state.facts(p)
		if p.Controller != x.plan.Purpose.Controller {
			bound := time.Duration(x.state.Index.Bundle().FreshnessBoundMillis) * time.Millisecond
			if now := facts.Now(); now.Age < 0 || now.Age > bound || now.Ledger.IsZero() {
				return unknown
			}
		}
		fact, _, err := facts.Lookup(id, name)
		if err != nil {
			return unknown
		}
		return fact
	}
}
