package compile

import (
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

func rule(i int, with func(*policy.Rule)) func(*policy.Snapshot) {
	return func(s *policy.Snapshot) { with(&s.Policies[0].Rules[i]) }
}

func TestWhatIsWrongWithRules(t *testing.T) {
	check(t, map[string]expected{
		"a purpose that is not there": {
			rule(0, func(r *policy.Rule) { r.Purpose = "nothing" }), policyRef, "spec.rules[0].purpose", PurposeNotFound, Error, `"nothing"`,
		},
		"a purpose of tracking that is not there": {
			rule(0, func(r *policy.Rule) { r.Tracking[0].Purpose = "nothing" }), policyRef, "spec.rules[0].tracking[0].purpose", PurposeNotFound, Error, `"nothing"`,
		},
		"a purpose that does not allow the namespace": {
			change(newsletter, func(p *policy.Purpose) { p.Allowed = policy.NamespaceSelector{} }), policyRef, "spec.rules[0].purpose", NamespaceNotAllowed, Error, "spec.allowedNamespaces",
		},
		"a device purpose that does not allow the namespace": {
			device(func(_, d *policy.Purpose) { d.Allowed = policy.NamespaceSelector{} }), policyRef, "spec.rules[0].purpose", NamespaceNotAllowed, Error, `"device-storage"`,
		},
		"a service that is not there": {
			rule(1, func(r *policy.Rule) { r.Service.Name = "nothing" }), policyRef, "spec.rules[1].service", ServiceNotFound, Error, `"services/nothing"`,
		},
		"a service that does not allow the namespace": {
			func(s *policy.Snapshot) { s.Services[ads].Allowed = policy.NamespaceSelector{} }, policyRef, "spec.rules[1].service", ServiceNotFound, Error, "does not exist or does not allow",
		},
		"an endpoint that is not there": {
			rule(2, func(r *policy.Rule) { r.Endpoints = []string{"list", "nothing"} }), policyRef, "spec.rules[2].endpoints[1]", EndpointNotFound, Error, `"nothing"`,
		},
		"an endpoint that needs no rule": {
			rule(0, func(r *policy.Rule) { r.Endpoints = append(r.Endpoints, "template") }), policyRef, "spec.rules[0].endpoints[1]", HandlingWithoutEffect, Warning, "needs no rule",
		},
		"a processing that the purpose does not have": {
			rule(2, func(r *policy.Rule) { r.Purpose = "newsletter" }), policyRef, "spec.rules[2].endpoints[0]", NothingCovered, Error, `"show"`,
		},
		"a channel that the purpose does not have": {
			change(newsletter, func(p *policy.Purpose) { p.Channels = []consent.Channel{consent.ChannelSMS} }), policyRef, "spec.rules[0].endpoints[0]", NothingCovered, Error, `"email"`,
		},
		"an endpoint that names nobody": {
			func(s *policy.Snapshot) { s.Services[mail].Endpoints[0].Request.Addressees = nil }, policyRef, "spec.rules[0].endpoints[0]", NobodyNamed, Error, "whom a request is about",
		},
		"a controller that gets what is not disclosed": {
			change(audience, func(p *policy.Purpose) { p.Processing = []ir.Processing{ir.ProcessingSend} }), policyRef, "spec.rules[1].service", PartyNotCovered, Error, "Ads Ltd",
		},
		"a transfer that the ground does not carry": {
			func(s *policy.Snapshot) {
				s.Services[ads].Party.Transfer.Basis = ir.TransferExplicitConsent
				s.Purposes[audience].Grounds, s.Purposes[audience].Objection = []ir.Ground{ir.GroundContract}, ir.ObjectionNone
			}, policyRef, "spec.rules[1].purpose", TransferNotCovered, Error, "GDPR Art. 49(1)(a)",
		},
		"an endpoint that no wording covers": {
			func(s *policy.Snapshot) { s.Notices[2].Recipients = nil }, policyRef, "spec.rules[1].endpoints[0]", NoNotice, Warning, `the recipient "Ads Ltd"`,
		},
		"a country that no wording names": {
			func(s *policy.Snapshot) { s.Services[ads].Party.Transfer.Basis = ir.TransferExplicitConsent }, policyRef, "spec.rules[1].endpoints[0]", NoNotice, Warning, "the transfer to US",
		},
		"existing customers who do not read that they can object": {
			change(newsletter, func(p *policy.Purpose) {
				p.Grounds, p.Goods = []ir.Ground{ir.GroundExistingCustomer}, []string{"garden"}
			}), policyRef, "spec.rules[0].endpoints[0]", ObligationUnmet, Warning, "UWG §7(3) no. 4",
		},
		"figures that are not made anonymous": {
			change(advice, func(p *policy.Purpose) { p.Anonymous = true }), policyRef, "spec.rules[2].endpoints[0]", ObligationUnmet, Warning, "anonymise",
		},
		"addressees to drop where there are none": {
			rule(2, func(r *policy.Rule) { r.OnMissing = ir.OnMissingDropAddressee }), policyRef, "spec.rules[2].onMissing", HandlingWithoutEffect, Warning, "lists of addressees",
		},
		"records to drop where there are none": {
			rule(1, func(r *policy.Rule) { r.OnMissing = ir.OnMissingDropRecord }), policyRef, "spec.rules[1].onMissing", HandlingWithoutEffect, Warning, "records in its answer",
		},
		"fields to redact where there are none": {
			rule(1, func(r *policy.Rule) { r.OnMissing = ir.OnMissingRedactField }), policyRef, "spec.rules[1].onMissing", HandlingWithoutEffect, Warning, "a declared answer",
		},
		"tracking without a switch": {
			rule(0, func(r *policy.Rule) { r.Tracking[0].Tracking = ir.ClickTracking }), policyRef, "spec.rules[0].tracking[0].tracking", TrackingWithoutSwitch, Warning, "ClickTracking",
		},
		"tracking for a purpose that does not track": {
			rule(0, func(r *policy.Rule) { r.Tracking[0].Purpose = "advice" }), policyRef, "spec.rules[0].tracking[0].purpose", NothingCovered, Error, `"track"`,
		},
		"addressees to drop for want of tracking where nobody is dropped": {
			rule(0, func(r *policy.Rule) { r.OnMissing, r.Tracking[0].OnMixed = "", ir.OnMixedDropAddressee }), policyRef, "spec.rules[0].tracking[0].onMixed", HandlingWithoutEffect, Warning, "onMissing is Deny",
		},
		"a batch to split that is none": {
			together(rule(0, func(r *policy.Rule) { r.OnMissing = "" }), func(s *policy.Snapshot) { s.Services[mail].Endpoints[0].Request.Addressees = nil }),
			policyRef, "spec.rules[0].tracking[0].onMixed", HandlingWithoutEffect, Warning, "nothing to tell apart",
		},
		"a value that is none": {
			rule(0, func(r *policy.Rule) { r.OnMissing = "Perhaps" }), policyRef, "spec.rules[0]", InvalidRule, Error, "Perhaps",
		},
		"two policies of one name": {
			func(s *policy.Snapshot) { s.Policies = append(s.Policies, mailerPolicy()) }, policyRef, "metadata.name", DuplicateName, Error, "two ConsentPolicies",
		},
		"more than a bundle can hold": {
			func(s *policy.Snapshot) {
				for range 8000 {
					s.Services[mail].Hosts = append(s.Services[mail].Hosts, string(make([]byte, 8)))
				}
			}, policy.Ref{Kind: "SidecarConfig", Namespace: "marketing", Name: "Deployment/mailer"}, "spec.bundle", BundleTooLarge, Error, "Split the policies",
		},
	})
}

func TestRulesThatNothingMatches(t *testing.T) {
	when := func(i int, conditions ...ir.Condition) func(*policy.Snapshot) {
		return rule(i, func(r *policy.Rule) { r.When = conditions })
	}
	check(t, map[string]expected{
		"a segment that no path has": {
			when(2, ir.Condition{Source: ir.SourcePath, Name: "customer", In: []string{"7"}}), policyRef, "spec.rules[2].when[0].name", UnreachableRule, Error, "no such segment",
		},
		"a segment that one of two paths has": {
			when(2, ir.Condition{Source: ir.SourcePath, Name: "id", In: []string{"7"}}), policyRef, "spec.rules[2].when[0].name", UnreachableRule, Warning, `endpoint "list"`,
		},
		"a value that is another endpoint": {
			together(when(2, ir.Condition{Source: ir.SourcePath, Name: "id", In: []string{"7", "best"}}), rule(2, func(r *policy.Rule) { r.Endpoints = []string{"one"} })),
			policyRef, "spec.rules[2].when[0].in", UnreachableRule, Warning, `"best"`,
		},
		"values that no segment has": {
			together(when(2, ir.Condition{Source: ir.SourcePath, Name: "id", In: []string{"", "a/b"}}), rule(2, func(r *policy.Rule) { r.Endpoints = []string{"one"} })),
			policyRef, "spec.rules[2].when[0].name", UnreachableRule, Error, "none",
		},
		"a parameter that is denied": {
			when(2, ir.Condition{Source: ir.SourceQuery, Name: "campaign", In: []string{"x"}}), policyRef, "spec.rules[2].when[0].name", UnreachableRule, Error, "undeclared ones are denied",
		},
		"a body where none is taken": {
			when(2, ir.Condition{Source: ir.SourceBody, Name: "/campaign", In: []string{"x"}}), policyRef, "spec.rules[2].when[0].name", UnreachableRule, Error, "takes no body",
		},
		"a value that nobody declared": {
			when(0, ir.Condition{Source: ir.SourceHeader, Name: "X", In: []string{"x"}}, ir.Condition{Source: ir.SourceBody, Name: "/campaign", In: []string{"x"}}),
			policyRef, "spec.rules[0].when[1].name", UnreachableRule, Error, "declares nothing at that pointer",
		},
		"a value in a table": {
			together(when(0, ir.Condition{Source: ir.SourceBody, Name: "/template_id", In: []string{"x"}}), func(s *policy.Snapshot) {
				s.Services[mail].Endpoints[0].Request = &ir.Message{
					Format: ir.FormatCSV, Addressees: []ir.Addressees{{Each: "/*", Identifier: "/email", Identifies: s.Services[mail].Endpoints[0].Request.Addressees[0].Identifies}},
					Fields: []ir.Field{{Pointer: "/*/email", Category: "pd:EmailAddress"}}, NotPersonal: []string{"/*/template_id"},
				}
			}), policyRef, "spec.rules[0].when[0].name", UnreachableRule, Error, "tell purposes apart by path, query or header",
		},
		"a value below a field of a form": {
			together(when(0, ir.Condition{Source: ir.SourceBody, Name: "/template/id", In: []string{"x"}}), func(s *policy.Snapshot) {
				s.Services[mail].Endpoints[0].Request = &ir.Message{
					Format: ir.FormatForm, Addressees: []ir.Addressees{{Identifier: "/email", Identifies: s.Services[mail].Endpoints[0].Request.Addressees[0].Identifies}},
					Fields: []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}}, NotPersonal: []string{"/template"},
				}
			}), policyRef, "spec.rules[0].when[0].name", UnreachableRule, Error, "a pointer has one segment",
		},
		"two conditions on one constant": {
			when(0, ir.Condition{Source: ir.SourceBody, Name: "/template_id", In: []string{"a"}}, ir.Condition{Source: ir.SourceBody, Name: "/template_id", In: []string{"b"}}),
			policyRef, "spec.rules[0].when[1]", UnreachableRule, Error, "cannot hold together",
		},
		"one constant inside of another": {
			when(0, ir.Condition{Source: ir.SourceBody, Name: "/content", In: []string{"a"}}, ir.Condition{Source: ir.SourceBody, Name: "/content/type", In: []string{"b"}}),
			policyRef, "spec.rules[0].when[1]", UnreachableRule, Error, "cannot hold together",
		},
	})
}
