package api

import (
	"net/http"
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/doors"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/stream"
)

// evaluator answers the questions of one request, as of one head of the log.
type evaluator struct {
	*API
	r     *http.Request
	by    asker
	index *decide.Index
	now   decide.Now
	plans map[string]planned
	// records are those of people whom the request named before.
	records map[consent.Tag]*consent.Record
}

type planned struct {
	plan   *decide.Plan
	reason decide.Reason
}

func (a *API) evaluator(r *http.Request, by asker) (*evaluator, error) {
	b := a.Bundle()
	if b == nil {
		return nil, problem.Unavailable("the ledger has no purposes and notices yet; they come from the manager, or from --bundle")
	}
	head, err := a.Store.Head(r.Context())
	if err != nil {
		return nil, err
	}
	return &evaluator{
		API: a, r: r, by: by, index: decide.NewIndex(b), plans: map[string]planned{}, records: map[consent.Tag]*consent.Record{},
		now: decide.Now{Ledger: stream.LedgerTime(a.Now(), head), Position: head.Position},
	}, nil
}

// Expect implements doors.Judge.
func (e *evaluator) Expect(n int) error {
	return slow(e.by.limit, e.by.Caller, n, "each question counts, however many are asked at once")
}

// Close implements doors.Judge. Questions leave no record: whoever uses data on an answer reports that to POST /v1/uses.
func (*evaluator) Close() {}

// Answer implements doors.Judge.
func (e *evaluator) Answer(q *doors.Question) (doors.Answer, error) {
	if q.Resource.Type == doors.RequestType {
		return doors.Answer{}, problem.Invalid("resource: the ledger knows no services; a sidecar answers questions about requests")
	}
	tags, err := e.Keys.Tags(consent.Identifier{Type: consent.IdentifierType(q.Resource.Type), Form: q.Resource.Properties.Form, Value: q.Resource.ID})
	if err != nil {
		return doors.Answer{}, problem.Invalid("resource: " + identifierHint)
	}
	out := doors.Answer{Context: doors.Note{Position: e.now.Position}}
	if q.Context == nil || !e.by.may(q.Context.Purpose) {
		out.Context.Reason = decide.PurposeUndeclared // as if it did not exist, which for the caller it does not
		return out, nil
	}
	p := e.planFor(q)
	if p.plan == nil {
		if out.Context.Reason = p.reason; !e.by.officer {
			out.Context.Reason = p.reason.Public() // of the use, whoever it is about
		}
		return out, nil
	}
	verdict, err := e.verdict(p.plan, tags)
	if err != nil {
		return doors.Answer{}, err
	}
	out.Decision, out.Context.Reason = verdict.Permit(), e.told(&verdict)
	if out.Decision {
		out.Context.Obligations = verdict.Obligations
	}
	return out, nil
}

// told is what the caller learns of why: officers all of it, workloads nothing of why somebody may be used, and of everybody who may not the
// same, so that refused, restricted and absent look alike. Only what the caller could do about it is told besides.
func (e *evaluator) told(v *decide.Verdict) decide.Reason {
	switch {
	case e.by.officer, v.Reason == decide.ObligationUnmet:
		return v.Reason
	case v.Permit():
		return ""
	default:
		return decide.NotPermitted
	}
}

// verdict is the least permissive of those under the forms of the identifier that are known; somebody whom nobody knows has one, too.
func (e *evaluator) verdict(p *decide.Plan, tags []consent.Tag) (decide.Verdict, error) {
	var out decide.Verdict
	known := false
	for i, tag := range tags {
		record, err := e.lookup(tag)
		if err != nil {
			return out, err
		}
		if record.Position == 0 && (known || i < len(tags)-1) {
			continue
		}
		v := p.Person(factsOf(record, e.now.Ledger), decide.Collected{}, e.now)
		if known && v.Permit() {
			continue
		}
		out, known = v, true
		if i == 0 && record.Position != 0 {
			break // who is known by the plain form is known by all that follow from it
		}
	}
	return out, nil
}

// lookup finds a record once for all questions about somebody: 1000 of them would otherwise ask the database three times each.
func (e *evaluator) lookup(tag consent.Tag) (*consent.Record, error) {
	if found := e.records[tag]; found != nil {
		return found, nil
	}
	found, err := e.Store.Lookup(e.r.Context(), tag)
	if err == nil {
		e.records[tag] = found
	}
	return found, err
}

// planFor gives the plan of a question. Many questions of one request have the same.
func (e *evaluator) planFor(q *doors.Question) planned {
	u := decide.Use{
		Purpose: q.Context.Purpose, Processing: []ir.Processing{ir.Processing(q.Action.Name)}, Channel: q.Context.Channel,
		Categories: q.Context.Categories, Honours: q.Context.Obligations, Party: q.Context.Recipient.Party(),
	}
	var key strings.Builder
	for _, word := range []string{string(u.Purpose), q.Action.Name, string(u.Channel), u.Party.Name, string(u.Party.Role)} {
		key.WriteString(word + "\x00")
	}
	if t := u.Party.Transfer; t != nil {
		key.WriteString("t" + t.Country + "\x00" + string(t.Basis) + "\x00")
	}
	for _, c := range u.Categories {
		key.WriteString("c" + c + "\x00")
	}
	for _, o := range u.Honours {
		key.WriteString("o" + string(o) + "\x00")
	}
	p, ok := e.plans[key.String()]
	if !ok {
		p.plan, p.reason = e.index.Use(u)
		e.plans[key.String()] = p
	}
	return p
}
