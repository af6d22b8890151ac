package compile

import (
	"slices"
	"testing"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

func body(name string, in ...string) ir.Condition {
	return ir.Condition{Source: ir.SourceBody, Name: name, In: in}
}

func header(name string, in ...string) ir.Condition {
	return ir.Condition{Source: ir.SourceHeader, Name: name, In: in}
}

// second adds a rule for another purpose that is about the same endpoint as the newsletter.
func second(conditions ...ir.Condition) func(*policy.Snapshot) {
	return func(s *policy.Snapshot) {
		r := s.Policies[0].Rules[0]
		r.Name, r.Purpose, r.When = "second", "promotion", conditions
		s.Policies[0].Rules = append(s.Policies[0].Rules, r)
		s.Purposes = append(s.Purposes, marketingPurpose("promotion", ir.ProcessingSend, "email", "pd:EmailAddress"))
		s.Notices = append(s.Notices, wording("promotion-v1", "promotion", ir.ProcessingSend))
		s.Touchpoints[0].OptIn = append(s.Touchpoints[0].OptIn, "promotion-v1")
	}
}

func TestRulesThatMatchTheSameRequests(t *testing.T) {
	first := "spec.rules[0].when"
	check(t, map[string]expected{
		"the same value":           {second(body("/template_id", "news")), policyRef, first, AmbiguousRules, Warning, `rule "second" (DataPurpose "promotion")`},
		"one value in common":      {second(body("/template_id", "other", "news")), policyRef, first, AmbiguousRules, Warning, "PURPOSE_AMBIGUOUS"},
		"no condition":             {second(), policyRef, "spec.rules[3]", AmbiguousRules, Warning, `rule "newsletter"`},
		"more conditions":          {second(body("/template_id", "news"), header("X-Campaign", "a")), policyRef, first, AmbiguousRules, Warning, `"second"`},
		"another constant":         {second(header("X-Campaign", "a")), policyRef, first, AmbiguousRules, Warning, "a request may also meet"},
		"headers in another case":  {together(rule(0, func(r *policy.Rule) { r.When = []ir.Condition{header("x-campaign", "a")} }), second(header("X-Campaign", "a"))), policyRef, first, AmbiguousRules, Warning, "second"},
		"the same in another case": {together(rule(0, func(r *policy.Rule) { r.When = []ir.Condition{header("X-Campaign", "a")} }), second(header("X-Campaign", "a", "b"))), policyRef, "spec.rules[3].when", AmbiguousRules, Warning, "newsletter"},
	})
	for name, conditions := range map[string][]ir.Condition{
		"other values":                         {body("/template_id", "other")},
		"other values of one of two":           {body("/template_id", "other"), header("X-Campaign", "a")},
		"a constant inside of the other":       {body("/template_id/version", "2")},
		"conditions that exclude each other":   {body("/template_id", "news"), body("/template_id", "other")},
		"conditions that one request can't do": {body("/template_id", "news"), body("/template_id/version", "2")},
	} {
		t.Run(name+" are told apart", func(t *testing.T) {
			s := sound()
			second(conditions...)(&s)
			for _, f := range Compile(s).Findings {
				if f.Code == AmbiguousRules {
					t.Errorf("%s: %s", f.Field, f.Message)
				}
			}
		})
	}
}

// elsewhere moves the last rule to a policy of its own.
func elsewhere(with func(*policy.Policy)) func(*policy.Snapshot) {
	return func(s *policy.Snapshot) {
		rules := s.Policies[0].Rules
		p := policy.Policy{Namespace: "marketing", Name: "second", Targets: s.Policies[0].Targets, Rules: []policy.Rule{rules[len(rules)-1]}}
		s.Policies[0].Rules = rules[:len(rules)-1]
		with(&p)
		s.Policies = append(s.Policies, p)
	}
}

func TestRulesOfTwoPolicies(t *testing.T) {
	secondRef := policyRef
	secondRef.Name = "second"
	same := second(body("/template_id", "news"))
	check(t, map[string]expected{
		"of one workload, by name": {
			together(same, elsewhere(func(*policy.Policy) {})), policyRef, "spec.rules[0].when", AmbiguousRules, Warning, `rule "second" of ConsentPolicy "second"`,
		},
		"of one workload, by label": {
			together(same, elsewhere(func(p *policy.Policy) { p.Targets, p.Selector = nil, map[string]string{"app": "mailer"} })), secondRef, "spec.rules[0].when", AmbiguousRules, Warning, `"mailer"`,
		},
		"of one workload, by chance": {
			together(same, elsewhere(func(p *policy.Policy) { p.Targets = nil })), secondRef, "spec.rules[0].when", AmbiguousRules, Warning, `rule "newsletter"`,
		},
	})
	s := sound()
	s.Workloads = append(s.Workloads, policy.Workload{Namespace: "marketing", Kind: "Deployment", Name: "other"})
	same(&s)
	elsewhere(func(p *policy.Policy) { p.Targets = []policy.Target{{Kind: "Deployment", Name: "other"}} })(&s)
	if f := Compile(s).Findings; len(f) > 0 {
		t.Errorf("rules of different workloads: %+v", f)
	}
}

func TestRulesThatAreThereTwice(t *testing.T) {
	again := func(with func(*policy.Rule)) func(*policy.Snapshot) {
		return func(s *policy.Snapshot) {
			r := s.Policies[0].Rules[0]
			r.Name = "again"
			with(&r)
			s.Policies[0].Rules = append(s.Policies[0].Rules, r)
		}
	}
	secondRef := policyRef
	secondRef.Name = "second"
	check(t, map[string]expected{
		"the same":          {again(func(*policy.Rule) {}), policyRef, "spec.rules[3]", RedundantRule, Warning, `rule "newsletter" matches too`},
		"a wider one":       {again(func(r *policy.Rule) { r.When = nil }), policyRef, "spec.rules[0]", RedundantRule, Warning, `rule "again"`},
		"a narrower one":    {again(func(r *policy.Rule) { r.When = append(slices.Clone(r.When), header("X", "a")) }), policyRef, "spec.rules[3]", RedundantRule, Warning, `rule "newsletter"`},
		"of a wider policy": {together(again(func(*policy.Rule) {}), elsewhere(func(p *policy.Policy) { p.Targets = nil })), policyRef, "spec.rules[0]", RedundantRule, Warning, `ConsentPolicy "second"`},
		"of an equal one":   {together(again(func(*policy.Rule) {}), elsewhere(func(*policy.Policy) {})), secondRef, "spec.rules[0]", RedundantRule, Warning, `ConsentPolicy "mailer"`},
	})
	for name, with := range map[string]func(*policy.Snapshot){
		"a stricter one is needed":       again(func(r *policy.Rule) { r.OnMissing = ir.OnMissingDeny }),
		"one for other values is needed": again(func(r *policy.Rule) { r.When = []ir.Condition{body("/template_id", "more")} }),
		"one that only watches":          together(again(func(*policy.Rule) {}), elsewhere(func(p *policy.Policy) { p.Mode = ir.ModeObserve })),
		"one without tracking is needed": again(func(r *policy.Rule) { r.Tracking = nil }),
		"a narrower policy's other half": together(again(func(r *policy.Rule) { r.When = append(slices.Clone(r.When), header("X", "a")) }), elsewhere(func(p *policy.Policy) { p.Targets = nil })),
	} {
		t.Run(name, func(t *testing.T) {
			s := sound()
			with(&s)
			for _, f := range Compile(s).Findings {
				if f.Code == RedundantRule {
					t.Errorf("%s %s: %s", f.Resource, f.Field, f.Message)
				}
			}
		})
	}
}
