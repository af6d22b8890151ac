package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/stream"
)

// Paths of the AuthZEN Authorization API 1.0.
const (
	evaluationPath  = "/access/v1/evaluation"
	evaluationsPath = "/access/v1/evaluations"
	authzenMetadata = "/.well-known/authzen-configuration"
	maxEvaluations  = 1000
	maxEvaluation   = 16 << 10
)

// evaluation is one question: may the subject (who asks) do the action (a processing) with the resource (a person)? Members that are
// left out of one of several are those of all of them. What AuthZEN leaves open is in context.
type evaluation struct {
	Subject  *entity        `json:"subject"`
	Action   *action        `json:"action"`
	Resource *entity        `json:"resource"`
	Context  *circumstances `json:"context"`
}

// entity is a subject or a resource. A resource has the type of an identifier (email, phone, customer, device), the identifier as its id,
// and, where it is hashed, the form (SHA256, MD5) as a property.
type entity struct {
	Type       string `json:"type"`
	ID         string `json:"id"`
	Properties struct {
		Form consent.Form `json:"form"`
	} `json:"properties"`
}

type action struct {
	Name string `json:"name"`
}

type circumstances struct {
	Purpose consent.PurposeID `json:"purpose"`
	// Channel is how the person would be reached; whoever sends names one.
	Channel    consent.Channel `json:"channel"`
	Categories []string        `json:"dataCategories"`
	// Obligations are those that the caller promises to meet. Without the promise a decision that rests on one is false.
	Obligations []ir.Obligation `json:"obligations"`
	// Recipient is who would receive the data; nil for a processor of the controller.
	Recipient *struct {
		Name string  `json:"name"`
		Role ir.Role `json:"role"`
	} `json:"recipient"`
}

// evaluated is the answer to one question. Reasons are of the request, and of the person no more than NOT_PERMITTED, except for officers.
type evaluated struct {
	Decision bool          `json:"decision"`
	Context  evaluatedNote `json:"context"`
}

type evaluatedNote struct {
	Reason      decide.Reason    `json:"reason,omitzero"`
	Obligations []ir.Obligation  `json:"obligations,omitempty"`
	Position    consent.Position `json:"position"`
	Error       *evaluationError `json:"error,omitempty"`
}

type evaluationError struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

// asker is who may ask, and about which purposes.
type asker struct {
	officer  bool
	purposes []consent.PurposeID
}

func (a asker) may(p consent.PurposeID) bool { return a.officer || slices.Contains(a.purposes, p) }

// whoAsks verifies who asks: officers about everything, workloads with a grant about its purposes. They may know as much from their stream.
func (a *API) whoAsks(r *http.Request) (asker, error) {
	c, err := a.caller(r)
	if err != nil {
		return asker{}, err
	}
	if c.Has(access.RoleOfficer) {
		return asker{officer: true}, nil
	}
	s, err := a.Guard.Subscriber(r, nil)
	return asker{purposes: s.Purposes}, err
}

// authzen serves the AuthZEN Authorization API 1.0: the decision that sidecars take, for whoever enforces it themselves.
func (a *API) authzen(mux *router) {
	serve := func(f func(w http.ResponseWriter, r *http.Request, by asker) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if id := r.Header.Get("X-Request-Id"); id != "" && len(id) <= maxKey {
				w.Header().Set("X-Request-Id", id)
			}
			by, err := a.whoAsks(r)
			if err == nil {
				err = f(w, r, by)
			}
			if err != nil {
				a.fail(w, r, err)
			}
		}
	}
	mux.HandleFunc("POST "+evaluationPath, serve(a.evaluate))
	mux.HandleFunc("POST "+evaluationsPath, serve(a.evaluateAll))
	mux.HandleFunc("GET "+authzenMetadata, func(w http.ResponseWriter, r *http.Request) {
		base := "https://" + r.Host
		if r.TLS == nil {
			base = "http://" + r.Host
		}
		_ = answer(w, http.StatusOK, map[string]string{
			"policy_decision_point": base, "access_evaluation_endpoint": base + evaluationPath, "access_evaluations_endpoint": base + evaluationsPath,
		})
	})
}

func (a *API) evaluate(w http.ResponseWriter, r *http.Request, by asker) error {
	var in evaluation
	if err := readOpen(w, r, maxEvaluation, &in); err != nil {
		return err
	}
	e, err := a.evaluator(r, by)
	if err != nil {
		return err
	}
	out, err := e.answer(r, in)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, out)
}

func (a *API) evaluateAll(w http.ResponseWriter, r *http.Request, by asker) error {
	var in struct {
		evaluation
		Evaluations []evaluation `json:"evaluations"`
		Options     struct {
			Semantic string `json:"evaluations_semantic"`
		} `json:"options"`
	}
	if err := readOpen(w, r, maxImport/64, &in); err != nil {
		return err
	}
	if len(in.Evaluations) > maxEvaluations {
		return problem.TooLarge("ask at most 1000 questions at once")
	}
	var stop func(evaluated) bool
	switch in.Options.Semantic {
	case "", "execute_all":
		stop = func(evaluated) bool { return false }
	case "deny_on_first_deny":
		stop = func(e evaluated) bool { return !e.Decision }
	case "permit_on_first_permit":
		stop = func(e evaluated) bool { return e.Decision }
	default:
		return problem.Malformed("options.evaluations_semantic is execute_all, deny_on_first_deny or permit_on_first_permit")
	}
	e, err := a.evaluator(r, by)
	if err != nil {
		return err
	}
	if len(in.Evaluations) == 0 { // then it is a single question, says AuthZEN
		out, err := e.answer(r, in.evaluation)
		if err != nil {
			return err
		}
		return answer(w, http.StatusOK, out)
	}
	out := struct {
		Evaluations []evaluated `json:"evaluations"`
	}{Evaluations: []evaluated{}}
	for _, one := range in.Evaluations {
		got, err := e.answer(r, one.over(in.evaluation))
		if p := (*problem.Problem)(nil); errors.As(err, &p) && p.Status < http.StatusInternalServerError {
			got = evaluated{Context: evaluatedNote{Position: e.now.Position, Error: &evaluationError{p.Status, p.Detail}}}
		} else if err != nil {
			return err
		}
		if out.Evaluations = append(out.Evaluations, got); stop(got) {
			break
		}
	}
	return answer(w, http.StatusOK, out)
}

// over takes what a question leaves out from the one that stands for all.
func (q evaluation) over(all evaluation) evaluation {
	if q.Subject == nil {
		q.Subject = all.Subject
	}
	if q.Action == nil {
		q.Action = all.Action
	}
	if q.Resource == nil {
		q.Resource = all.Resource
	}
	if q.Context == nil {
		q.Context = all.Context
	}
	return q
}

// evaluator answers the questions of one request, as of one head of the log.
type evaluator struct {
	*API
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
		API: a, by: by, index: decide.NewIndex(b), plans: map[string]planned{}, records: map[consent.Tag]*consent.Record{},
		now: decide.Now{Ledger: stream.LedgerTime(a.Now(), head), Position: head.Position},
	}, nil
}

const questionHint = "a question has subject (who asks), action.name (a processing, such as send), resource (type email, phone, customer or device, and the identifier as id) and context.purpose"

func (e *evaluator) answer(r *http.Request, q evaluation) (evaluated, error) {
	if q.Subject == nil || q.Subject.Type == "" || q.Subject.ID == "" || q.Action == nil || q.Action.Name == "" || q.Resource == nil || q.Context == nil || q.Context.Purpose == "" {
		return evaluated{}, problem.Malformed(questionHint)
	}
	tags, err := e.Keys.Tags(consent.Identifier{Type: consent.IdentifierType(q.Resource.Type), Form: q.Resource.Properties.Form, Value: q.Resource.ID})
	if err != nil {
		return evaluated{}, problem.Invalid("resource: " + identifierHint)
	}
	out := evaluated{Context: evaluatedNote{Position: e.now.Position}}
	if !e.by.may(q.Context.Purpose) {
		out.Context.Reason = decide.PurposeUndeclared // as if it did not exist, which for the caller it does not
		return out, nil
	}
	p := e.planFor(q)
	if p.plan == nil {
		out.Context.Reason = p.reason
		return out, nil
	}
	verdict, err := e.verdict(r, p.plan, tags)
	if err != nil {
		return evaluated{}, err
	}
	out.Decision, out.Context.Reason = verdict.Permit(), verdict.Reason
	if out.Decision {
		out.Context.Obligations = verdict.Obligations
	} else if !e.by.officer && verdict.Reason != decide.ObligationUnmet {
		out.Context.Reason = decide.NotPermitted
	}
	return out, nil
}

// verdict is the least permissive of those under the forms of the identifier that are known; somebody whom nobody knows has one, too.
func (e *evaluator) verdict(r *http.Request, p *decide.Plan, tags []consent.Tag) (decide.Verdict, error) {
	var out decide.Verdict
	known := false
	for i, tag := range tags {
		record, err := e.lookup(r, tag)
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
func (e *evaluator) lookup(r *http.Request, tag consent.Tag) (*consent.Record, error) {
	if found := e.records[tag]; found != nil {
		return found, nil
	}
	found, err := e.Store.Lookup(r.Context(), tag)
	if err == nil {
		e.records[tag] = found
	}
	return found, err
}

// planFor gives the plan of a question. Many questions of one request have the same.
func (e *evaluator) planFor(q evaluation) planned {
	u := decide.Use{
		Purpose: q.Context.Purpose, Processing: []ir.Processing{ir.Processing(q.Action.Name)}, Channel: q.Context.Channel,
		Categories: q.Context.Categories, Honours: q.Context.Obligations,
	}
	if q.Context.Recipient != nil {
		u.Party = ir.Party{Name: q.Context.Recipient.Name, Role: q.Context.Recipient.Role}
	}
	var key strings.Builder
	for _, word := range []string{string(u.Purpose), q.Action.Name, string(u.Channel), u.Party.Name, string(u.Party.Role)} {
		key.WriteString(word + "\x00")
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

// readOpen reads JSON as AuthZEN has it: members that are not known are left alone, those written twice are refused.
func readOpen(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	b, err := body(w, r, limit)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return problem.Malformed("the body is not the JSON expected here; " + questionHint)
	}
	return nil
}
