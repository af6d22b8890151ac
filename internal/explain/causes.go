package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/translate"
)

// at is a member of a resource, with its line where the resource was read from a file.
func (s *scene) at(ref policy.Ref, field string) Cause {
	c := Cause{Resource: ref.String(), Field: field}
	if p, ok := s.c.Sources.At(ref, field); ok {
		c.File, c.Line = p.File, p.Line
	}
	return c
}

func (s *scene) purpose(name consent.PurposeID, field string) Cause {
	return s.at(policy.Ref{Kind: v1alpha1.KindDataPurpose, Name: string(name)}, field)
}

func (s *scene) notice(name consent.NoticeID, field string) Cause {
	return s.at(policy.Ref{Kind: v1alpha1.KindConsentNotice, Name: string(name)}, field)
}

func serviceRef(name string) policy.Ref {
	namespace, name, _ := strings.Cut(name, "/")
	return policy.Ref{Kind: v1alpha1.KindDataService, Namespace: namespace, Name: name}
}

// endpoint is a member of an endpoint of the request's service; empty for the endpoint itself.
func (s *scene) endpoint(name, field string) Cause {
	ref := serviceRef(s.service.Name)
	for i := range s.c.Objects.Services {
		o := &s.c.Objects.Services[i]
		if o.Namespace != ref.Namespace || o.Name != ref.Name {
			continue
		}
		for j := range o.Spec.Endpoints {
			if string(o.Spec.Endpoints[j].Name) == name {
				return s.at(ref, member(fmt.Sprintf("spec.endpoints[%d]", j), field))
			}
		}
	}
	return s.at(ref, "spec.endpoints")
}

func member(of, field string) string {
	if field == "" {
		return of
	}
	return of + "." + field
}

// rule is a member of a rule, which bundles name "namespace/policy/rule"; empty for the rule itself.
func (s *scene) rule(name, field string) Cause {
	ref, i, _ := s.findRule(name)
	if i < 0 {
		return Cause{Resource: v1alpha1.KindConsentPolicy + " " + name}
	}
	return s.at(ref, member(fmt.Sprintf("spec.rules[%d]", i), field))
}

func (s *scene) findRule(name string) (policy.Ref, int, *v1alpha1.PolicyRule) {
	parts := strings.SplitN(name, "/", 3)
	if len(parts) == 3 {
		for i := range s.c.Objects.Policies {
			o := &s.c.Objects.Policies[i]
			if o.Namespace != parts[0] || o.Name != parts[1] {
				continue
			}
			for j := range o.Spec.Rules {
				if o.Spec.Rules[j].Name == parts[2] {
					return policy.Ref{Kind: v1alpha1.KindConsentPolicy, Namespace: o.Namespace, Name: o.Name}, j, &o.Spec.Rules[j]
				}
			}
		}
	}
	return policy.Ref{}, -1, nil
}

// condition is one condition of a rule; bundles have them in another order than policies.
func (s *scene) condition(rule string, c ir.Condition) Cause {
	if _, _, r := s.findRule(rule); r != nil {
		for i, w := range r.When {
			if string(w.Source) == string(c.Source) && w.Name == c.Name {
				return s.rule(rule, fmt.Sprintf("when[%d]", i))
			}
		}
	}
	return s.rule(rule, "when")
}

// rules are a member of every rule that matched.
func (s *scene) rules(field string) []Cause {
	var out []Cause
	for _, r := range s.matched {
		out = append(out, s.rule(r.Policy, field))
	}
	return out
}

// policies are a member of the policies of the workload; has tells which of them have it.
func (s *scene) policies(field string, has func(*v1alpha1.ConsentPolicySpec) bool) []Cause {
	b, err := s.c.Bundle()
	if err != nil {
		return nil
	}
	var out []Cause
	for i := range s.c.Objects.Policies {
		o := &s.c.Objects.Policies[i]
		if o.Namespace == b.Workload.Namespace && has(&o.Spec) && compile.Selects(translate.Policy(o), b.Workload) {
			out = append(out, s.at(policy.Ref{Kind: v1alpha1.KindConsentPolicy, Namespace: o.Namespace, Name: o.Name}, field))
		}
	}
	return out
}

// findings are those of the compiler about a purpose, or about a rule's use of it: they say why it is blocked.
func (s *scene) findings(purpose consent.PurposeID) (causes []Cause, says string) {
	for _, f := range s.c.Result.Findings {
		mine := f.Resource.Kind == v1alpha1.KindDataPurpose && f.Resource.Name == string(purpose)
		for _, r := range s.matched {
			ref, i, _ := s.findRule(r.Policy)
			mine = mine || (f.Resource == ref && f.Field == fmt.Sprintf("spec.rules[%d].purpose", i))
		}
		if mine {
			causes = append(causes, s.at(f.Resource, f.Field))
			says += " " + f.Message
		}
	}
	return causes, says
}

// event is an event of the ledger.
func (s *scene) event(p consent.Position) Cause {
	c := Cause{Resource: "ledger", Field: fmt.Sprintf("event %d", p), File: s.c.File, Line: s.c.Line(p)}
	if p > 0 && int(p) <= len(s.c.Ledger) {
		e := s.c.Ledger[p-1]
		what := []string{string(e.Type)}
		for _, x := range []string{string(e.Purpose), string(e.Scope), string(e.Channel), string(e.Notice)} {
			if x != "" && !slices.Contains(what, x) {
				what = append(what, x)
			}
		}
		c.Field += " (" + strings.Join(what, ", ") + ")"
	}
	return c
}

// events are those of the ledger of some types, where the fact does not say which it rests on; none if several people have some.
func (s *scene) events(types ...consent.EventType) []Cause {
	var out []Cause
	people := map[consent.Identifier]bool{}
	for _, e := range s.c.Ledger {
		if slices.Contains(types, e.Type) {
			out = append(out, s.event(e.Position))
			people[consent.Identifier(e.Person)] = true
		}
	}
	if len(people) != 1 {
		return nil
	}
	return out
}
