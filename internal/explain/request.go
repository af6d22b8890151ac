package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/scenario"
)

// scene is what one explanation looks at.
type scene struct {
	c       scenario.Case
	index   *decide.Index
	request decide.Request
	now     decide.Now

	service *ir.Service
	ep      *decide.Endpoint
	matched []*ir.Rule
	answers []Answer
}

func (s *scene) pass(g decide.Gate, causes []Cause, format string, args ...any) {
	s.answers = append(s.answers, Answer{Gate: g, Result: Passed, Says: fmt.Sprintf(format, args...), Causes: causes})
}

// fail says what the reason means, and then what is so here.
func (s *scene) fail(g decide.Gate, r decide.Reason, causes []Cause, format string, args ...any) {
	m := r.Meaning()
	says := strings.TrimSpace(m.Says + " " + fmt.Sprintf(format, args...))
	s.answers = append(s.answers, Answer{Gate: g, Result: Failed, Reason: r, Says: says, Law: m.Law, Causes: causes})
}

// form explains a denial that no gate explains: for how the request, or the answer, is written.
func (s *scene) form(reasons []decide.Reason) {
	for _, r := range reasons {
		var causes []Cause
		if s.ep != nil {
			causes = []Cause{s.endpoint(s.ep.IR.Name, "")}
		}
		s.fail(GateForm, r, causes, "")
	}
}

// gates asks those of the request as a whole, and gives the plan if people are to be asked about.
func (s *scene) gates() *decide.Plan {
	r := s.request
	e, reason := s.index.Endpoint(r.Method, r.Host, r.Port, r.Path)
	if s.service = s.index.Service(r.Host, r.Port); s.service == nil {
		s.fail(GateHost, decide.HostUndeclared, s.policies("spec.ungoverned", func(p *v1alpha1.ConsentPolicySpec) bool { return p.Ungoverned != nil }),
			"%s on port %d is not among them; what happens to other hosts is said under ungoverned, which is now %s.", r.Host, r.Port, s.index.Bundle().Ungoverned.Action)
		return nil
	}
	ref := serviceRef(s.service.Name)
	s.pass(GateHost, []Cause{s.at(ref, "spec.hosts")}, "%s declares %s on port %d.", ref, r.Host, r.Port)
	if reason != "" {
		gate := GateEndpoint
		if reason == decide.NoPolicy {
			gate = GateRule
		}
		s.fail(gate, reason, []Cause{s.at(ref, "spec.endpoints")}, "The request is %s %s.", r.Method, r.Path)
		return nil
	}
	s.ep = e
	if e.IR.NoPersonalData {
		s.pass(GateEndpoint, []Cause{s.endpoint(e.IR.Name, "personalData")}, "The request is for the endpoint %q, which neither takes nor gives personal data. It needs no purpose.", e.IR.Name)
		return nil
	}
	s.pass(GateEndpoint, []Cause{s.endpoint(e.IR.Name, "")}, "The request is for the endpoint %q, which does: %s%s.", e.IR.Name, list(e.IR.Processing), by(e.IR.Channel))
	return s.planned()
}

func by(c consent.Channel) string {
	if c == "" {
		return ""
	}
	return " by " + string(c)
}

func (s *scene) planned() *decide.Plan {
	rules, steps := s.index.Why(s.ep, s.request.Constant)
	for _, r := range rules {
		if r.Matched() {
			s.matched = append(s.matched, r.Rule)
		}
		s.rulesAnswer(r)
	}
	plan, reason := s.index.Plan(s.ep, s.request.Constant)
	if len(steps) == 0 && reason != "" {
		switch reason {
		case decide.PurposeAmbiguous:
			s.fail(decide.GatePurpose, reason, s.rules("purpose"), "The purposes are: %s. Tell them apart with when.", list(purposesOf(s.matched)))
		case decide.NoPolicy:
			s.fail(GateRule, reason, []Cause{s.at(serviceRef(s.service.Name), "")}, "")
		default:
			s.fail(decide.GatePurpose, reason, []Cause{s.endpoint(s.ep.IR.Name, "")}, "%s", none(len(rules)))
		}
		return nil
	}
	for _, step := range steps {
		s.step(step)
	}
	if plan == nil {
		return nil
	}
	plan = plan.Honouring(s.request.Honours)
	for _, c := range s.request.Categories {
		if !plan.Category(c) {
			s.category(plan, c)
			return nil
		}
	}
	s.pass(decide.GateCategory, []Cause{s.purpose(plan.Purpose.Name, "spec.dataCategories")}, "The request carries no data that the purpose does not include; it includes: %s.", list(plan.Purpose.Categories))
	inBody := func(p decide.Person) bool { return p.Place == decide.InBody }
	if m := s.ep.IR.Request; m != nil && len(m.Addressees) > 0 && !slices.ContainsFunc(s.request.People, inBody) {
		s.fail(decide.GateIdentity, decide.PersonUnresolved, []Cause{s.endpoint(s.ep.IR.Name, "request.addressees")},
			"The request is to addressees, and nobody was found in it.")
	}
	return plan
}

func none(considered int) string {
	if considered == 0 {
		return "No rule of the workload is about this endpoint."
	}
	return "No rule of the workload that is about this endpoint matches."
}

func purposesOf(rules []*ir.Rule) []consent.PurposeID {
	var out []consent.PurposeID
	for _, r := range rules {
		out = append(out, r.Purpose)
	}
	return out
}

func (s *scene) rulesAnswer(r decide.Considered) {
	a := Answer{Gate: GateRule, Result: Passed}
	var says []string
	for _, c := range r.Conditions {
		switch {
		case c.Holds:
			says = append(says, fmt.Sprintf("%s %s is %q", c.Source, c.Name, c.Value))
		case c.Given:
			says = append(says, fmt.Sprintf("%s %s is %q and would have to be %s", c.Source, c.Name, c.Value, quoted(c.In)))
		default:
			says = append(says, fmt.Sprintf("%s %s is missing and would have to be %s", c.Source, c.Name, quoted(c.In)))
		}
		if c.Holds == r.Matched() {
			a.Causes = append(a.Causes, s.condition(r.Rule.Policy, c.Condition))
		}
	}
	if len(says) == 0 {
		says = []string{"it has no conditions"}
	}
	verb := "matches"
	if !r.Matched() {
		a.Result, verb = NotMatched, "does not match"
	}
	if len(a.Causes) == 0 {
		a.Causes = []Cause{s.rule(r.Rule.Policy, "")}
	}
	a.Says = fmt.Sprintf("The rule %s, for the purpose %s, %s: %s.", r.Rule.Policy, r.Rule.Purpose, verb, strings.Join(says, "; "))
	s.answers = append(s.answers, a)
}

// category explains data that may not pass.
func (s *scene) category(p *decide.Plan, category string) {
	if category == "" {
		s.fail(decide.GateCategory, decide.CategoryNotCovered, []Cause{s.endpoint(s.ep.IR.Name, "request.fields")},
			"The body holds a value that the endpoint does not declare, neither as a field nor as not personal.")
		return
	}
	causes := []Cause{s.purpose(p.Purpose.Name, "spec.dataCategories")}
	if m := s.ep.IR.Request; m != nil {
		for i, f := range m.Fields {
			if f.Category == category {
				causes = append(causes, s.endpoint(s.ep.IR.Name, fmt.Sprintf("request.fields[%d]", i)))
			}
		}
	}
	s.fail(decide.GateCategory, decide.CategoryNotCovered, causes, "The body holds %s; the purpose includes: %s.", category, list(p.Purpose.Categories))
}

func list[T ~string](in []T) string {
	if len(in) == 0 {
		return "nothing"
	}
	out := make([]string, len(in))
	for i, x := range in {
		out[i] = string(x)
	}
	return strings.Join(out, ", ")
}

func quoted(in []string) string {
	out := make([]string, len(in))
	for i, x := range in {
		out[i] = fmt.Sprintf("%q", x)
	}
	return strings.Join(out, " or ")
}
