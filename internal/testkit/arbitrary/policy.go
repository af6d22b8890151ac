package arbitrary

import (
	"time"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// Policy makes a policy with a name of its own.
func (s *Source) Policy(i int) policy.Policy {
	p := policy.Policy{
		Namespace: Pick(s, namespaces...), Name: name[string]("c", s.id(i)), Mode: word(s, "", ir.ModeEnforce, ir.ModeObserve),
		FreshnessBound: Pick(s, 0, time.Second, 10*time.Second, time.Minute),
	}
	switch s.Number(4) {
	case 1:
		p.Targets = []policy.Target{{Kind: "Deployment", Name: word(s, "d0", "d1")}}
	case 2:
		p.Selector = Pick(s, labels...)
	}
	if s.Seldom() {
		p.Ungoverned = &ir.Ungoverned{Action: word(s, ir.UngovernedObserve, ir.UngovernedAllow, ir.UngovernedDeny), Hosts: some(s, "a.example", "10.0.0.0/8")}
	}
	p.Rules = several(s, 4, s.rule)
	return p
}

func (s *Source) rule(i int) policy.Rule {
	r := policy.Rule{
		Name: name[string]("r", s.id(i)), Purpose: word(s, ids...), Service: policy.ServiceRef{Namespace: word(s, "n0", "n1", ""), Name: word(s, services...)},
		Endpoints: append(some(s, endpoints...), word(s, endpoints...)), OnMissing: word(s, "", ir.OnMissingDropRecord, ir.OnMissingDropAddressee, ir.OnMissingRedactField),
		OnEmpty: word(s, "", ir.OnEmptyAnswerAccepted), Redaction: word(s, "", ir.RedactionMask, ir.RedactionOmit),
	}
	r.When = several(s, 2, func(int) ir.Condition {
		source := word(s, ir.SourceBody, ir.SourceHeader, ir.SourcePath, ir.SourceQuery)
		names := map[ir.Source][]string{ir.SourceBody: {"/t", "/t/u", "/u"}, ir.SourceHeader: {"H", "h"}, ir.SourcePath: {"x", "y"}, ir.SourceQuery: {"q", "r"}}[source]
		return ir.Condition{Source: source, Name: word(s, append(names, "z")...), In: append(some(s, values...), word(s, values...))}
	})
	if s.Seldom() {
		r.Tracking = []ir.TrackingRule{{Tracking: word(s, ir.OpenTracking, ir.ClickTracking), Purpose: word(s, ids...), OnMixed: word(s, "", ir.OnMixedSplit)}}
	}
	return r
}
