package scenario

import (
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// attempt is one request on its way through decision and enforcement, as the sidecar would handle it.
type attempt struct {
	c     Case
	x     *decide.Index
	d     Decision
	now   decide.Now
	query []enforce.Parameter
	// body and answer are nil where there is none.
	body, answer enforce.Body
	request      decide.Request
	named        []consent.Identifier
	plan         *decide.Plan

	got decide.Decision
	// sent are the bodies that reach the service, returned is the one that comes back.
	sent     []any
	returned any
}

// nothing stands for a request that is sent without a body, which is another thing than none that is sent.
type nothing struct{}

// MarshalJSON shows it in a difference.
func (nothing) MarshalJSON() ([]byte, error) { return []byte(`"a request without a body"`), nil }

// forwarded is what reaches the service, nil for nothing.
func (t *attempt) forwarded() any {
	switch len(t.sent) {
	case 0:
		return nil
	case 1:
		return t.sent[0]
	default:
		return t.sent
	}
}

func (t *attempt) observed() bool {
	if t.plan != nil {
		return t.plan.Mode == ir.ModeObserve
	}
	return t.x.DenyMode() == ir.ModeObserve
}

func (c Case) try(x *decide.Index, d Decision) (*attempt, error) {
	t := &attempt{c: c, x: x, d: d}
	var err error
	if t.now, err = d.Moment(); err != nil {
		return nil, err
	}
	if err := t.decide(); err != nil {
		return nil, err
	}
	if t.observed() && d.Request.Host != "" && t.x.Governs(d.Request.Host) {
		t.sent, t.returned = []any{d.Request.Body}, d.Answer
		if d.Request.Body == nil {
			t.sent[0] = nothing{}
		}
	}
	return t, nil
}

func (t *attempt) deny(reason decide.Reason) {
	t.got = decide.Decision{Effect: decide.Deny, Purpose: t.got.Purpose, Reasons: []decide.Reason{reason}, Position: t.now.Position}
}

// decide goes the way of a request: address, endpoint, purpose, people, service, answer.
func (t *attempt) decide() error {
	in := t.d.Request
	path, query, reason := enforce.Target(in.Path)
	if reason == "" && overridden(in.Headers) {
		reason = decide.NotCanonical
	}
	if reason != "" {
		t.deny(reason)
		return nil
	}
	t.query = query
	t.request = decide.Request{Method: in.Method, Host: in.Host, Port: in.Port, Path: path, Constant: t.constant}
	e, reason := t.x.Endpoint(in.Method, in.Host, in.Port, path)
	if reason != "" || e.IR.NoPersonalData {
		t.got = decide.Decide(t.x, t.request, t.now)
		if t.got.Effect == decide.Permit {
			t.sent, t.returned = []any{in.Body}, t.d.Answer
		}
		return nil
	}
	if reason, err := t.readBody(e); reason != "" || err != nil {
		t.deny(reason)
		return err
	}
	t.plan, _ = t.x.Plan(e, t.constant)
	t.request.Categories = t.categories(e.IR)
	var sent enforce.Sent
	if t.plan != nil {
		sent = enforce.Request(t.plan, enforce.Named(e, query), t.body, t.judge)
	}
	t.got = decide.Decide(t.x, t.request, t.now)
	if t.got.Effect == decide.Deny || t.plan == nil {
		if sent.Reason == "" && t.plan != nil && enforce.Declared(e.IR, query) {
			return fmt.Errorf("decision and enforcement differ: denied with %v, and sent", t.got.Reasons)
		}
		return nil
	}
	if sent.Reason != "" {
		t.deny(sent.Reason) // for how the body is written, which no decision about people can know
		return nil
	}
	if err := t.send(e.IR.Request, sent); err != nil || sent.Accepted {
		return err
	}
	return t.receive(e.IR)
}

// judge decides about one person, and notes who it was for the decision about the whole.
func (t *attempt) judge(one enforce.Person) decide.Verdict {
	_, err := consent.Normalize(one.Identifier)
	unresolved := one.Unresolved || err != nil
	facts := func(purpose consent.PurposeID) consent.Fact { return t.c.Fact(one.Identifier, purpose, t.d.At()) }
	t.named = append(t.named, one.Identifier)
	t.request.People = append(t.request.People, decide.Person{
		Unresolved: unresolved, Collected: one.Collected, Place: one.Place, Facts: facts,
	})
	if unresolved {
		return t.plan.Unresolved()
	}
	return t.plan.Person(facts, one.Collected, t.now)
}

// categories are those that the request carries and that are looked at: in an answer they are taken out, and deny nothing.
func (t *attempt) categories(e *ir.Endpoint) []string {
	var out []string
	if !enforce.Declared(e, t.query) {
		out = append(out, "")
	}
	if t.body == nil || e.Request == nil {
		return out
	}
	see := func(name string) bool { out = append(out, name); return true }
	keep := func(jsonfilter.Person) jsonfilter.Handling { return jsonfilter.Keep }
	if _, found := t.body.Request(e.Request, see, keep); found.NotCovered > 0 {
		out = append(out, "")
	}
	return out
}

func (t *attempt) send(m *ir.Message, sent enforce.Sent) error {
	for _, body := range sent.Bodies {
		if body == nil {
			t.sent = append(t.sent, nothing{})
			continue
		}
		v, err := shown(m.Format, body)
		if err != nil {
			return err
		}
		t.sent = append(t.sent, v)
	}
	return nil
}

// receive handles the answer. What an error says is filtered, too; it does not make a denial of what was sent.
func (t *attempt) receive(e *ir.Endpoint) error {
	one := e.Response != nil && e.Response.Records != nil && e.Response.Records.Each == ""
	status := t.d.AnswerStatus
	if (status == http.StatusNotFound || status == http.StatusGone) && (one || enforce.NamesPeople(e)) {
		people := t.got.People
		t.deny(decide.NotPermitted)
		t.got.People = people
		return nil
	}
	if t.d.Answer == nil || e.Response == nil {
		return nil
	}
	if reason, err := t.readAnswer(e.Response); reason != "" || err != nil {
		t.unreadable(reason)
		return err
	}
	out := enforce.Answer(t.plan, t.answer, t.judge)
	t.got = decide.Decide(t.x, t.request, t.now)
	switch {
	case out.Reason != "" && status >= 300 && !out.Absent:
		t.got.Effect = decide.PermitFiltered
		t.returned = map[string]any{}
		return nil
	case (out.Reason != "") != (t.got.Effect == decide.Deny):
		return fmt.Errorf("decision and enforcement differ about the answer: %s, and %q", t.got.Effect, out.Reason)
	case out.Reason != "":
		return nil
	}
	var err error
	t.returned, err = shown(e.Response.Format, out.Body)
	return err
}

func (t *attempt) constant(s ir.Source, name string) (string, bool) {
	switch s {
	case ir.SourceBody:
		if t.body != nil {
			return t.body.Constant(name)
		}
	case ir.SourceQuery:
		if i := slices.IndexFunc(t.query, func(p enforce.Parameter) bool { return p.Name == name }); i >= 0 {
			return t.query[i].Value, true
		}
	case ir.SourceHeader:
		for k, v := range t.d.Request.Headers {
			if strings.EqualFold(k, name) {
				return v, true
			}
		}
	case ir.SourcePath: // the endpoint's own
	}
	return "", false
}

func overridden(headers map[string]string) bool {
	for k := range headers {
		if slices.Contains(enforce.Overriding, textproto.CanonicalMIMEHeaderKey(k)) {
			return true
		}
	}
	return false
}
