package compile

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

const (
	shop  = "Gartenhaus Grün GmbH"
	other = "Somebody Else AG"
)

var (
	marketing = policy.NamespaceSelector{Names: []string{"marketing", "shop"}}
	mailerApp = policy.Workload{Namespace: "marketing", Kind: "Deployment", Name: "mailer", Labels: map[string]string{"app": "mailer"}}
)

// sound is a snapshot without findings: a newsletter with opt-in, tracking with consent of its own, a register and an ad network.
func sound() policy.Snapshot {
	return policy.Snapshot{
		Namespaces: []policy.Namespace{{Name: "marketing", Mode: ir.ModeEnforce}},
		Ledgers:    []policy.Ledger{{Namespace: "consent", Name: "main", Controller: shop, URL: "https://main-ledger.consent.svc:8443"}},
		Purposes: []policy.Purpose{
			marketingPurpose("newsletter", ir.ProcessingSend, consent.ChannelEmail, "pd:EmailAddress"),
			marketingPurpose("profiling", ir.ProcessingTrack, ""),
			marketingPurpose("audience", ir.ProcessingDisclose, "", "pd:EmailAddress"),
			marketingPurpose("advice", ir.ProcessingShow, "", "pd:EmailAddress", "pd:Purchase"),
		},
		Notices: []ir.Notice{
			wording("newsletter-v1", "newsletter", ir.ProcessingSend), wording("profiling-v1", "profiling", ir.ProcessingTrack),
			wording("audience-v1", "audience", ir.ProcessingDisclose), wording("advice-v1", "advice", ir.ProcessingShow),
		},
		Touchpoints: []policy.Touchpoint{{
			Namespace: "shop", Name: "form", Controller: shop, Place: ir.PlaceWebForm, OptIn: []consent.NoticeID{"newsletter-v1"},
			Confirmation: &ir.Confirmation{Proof: consent.ProofMailboxConfirmed}, Writers: []string{"form"},
			Ladder: []ir.LadderStep{
				{Notice: "profiling-v1", After: []consent.NoticeID{"newsletter-v1"}}, {Notice: "audience-v1", After: []consent.NoticeID{"profiling-v1"}}, {Notice: "advice-v1"},
			},
		}},
		Services:  []policy.Service{mailService(), registerService(), adService()},
		Policies:  []policy.Policy{mailerPolicy()},
		Workloads: []policy.Workload{mailerApp},
	}
}

func marketingPurpose(name string, x ir.Processing, channel consent.Channel, categories ...string) policy.Purpose {
	p := policy.Purpose{Allowed: marketing, Purpose: ir.Purpose{
		Name: consent.PurposeID(name), Controller: shop, Grounds: []ir.Ground{ir.GroundConsent}, Processing: []ir.Processing{x},
		Categories: categories, Objection: ir.ObjectionDirectMarketing,
	}}
	if channel != "" {
		p.Channels = []consent.Channel{channel}
	}
	return p
}

func wording(name, purpose string, x ir.Processing) ir.Notice {
	return ir.Notice{
		Name: consent.NoticeID(name), Series: purpose, Version: 1, Controller: shop, Purposes: []consent.PurposeID{consent.PurposeID(purpose)},
		Processing: []ir.Processing{x}, Channels: []consent.Channel{consent.ChannelEmail}, Recipients: []string{"Ads Ltd"},
	}
}

func declaredService(name string, endpoints ...ir.Endpoint) policy.Service {
	return policy.Service{Namespace: "services", Allowed: marketing, Service: ir.Service{
		Name: "services/" + name, Hosts: []string{name + ".services.svc"}, Ports: []ir.Port{{Port: 80, Protocol: "HTTP"}},
		Party: ir.Party{Role: ir.RoleProcessor}, Endpoints: endpoints,
	}}
}

func mailService() policy.Service {
	send := mailEndpoint("send", "/v3/mail/send")
	send.Request.Switches = []ir.Switch{{Tracking: ir.OpenTracking, Pointer: "/tracking/open", Off: json.RawMessage("false"), Processing: []ir.Processing{ir.ProcessingTrack}}}
	return declaredService("mail", send, ir.Endpoint{Name: "template", Methods: []string{"GET"}, Path: "/v3/templates/{id}", NoPersonalData: true})
}

func registerService() policy.Service {
	records := func() *ir.Message {
		return &ir.Message{Records: &ir.Records{
			Each: "/customers/*", Identifier: "/email", Identifies: ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain},
			Fields: []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}, {Pointer: "/orders", Category: "pd:Purchase"}},
		}}
	}
	show := []ir.Processing{ir.ProcessingShow}
	return declaredService("register",
		ir.Endpoint{Name: "list", Methods: []string{"GET"}, Path: "/v1/customers", Processing: show, Query: []ir.QueryParam{{Name: "page"}}, Response: records()},
		ir.Endpoint{Name: "one", Methods: []string{"GET"}, Path: "/v1/customers/{id}", Processing: show, Response: records()},
		ir.Endpoint{Name: "best", Methods: []string{"GET"}, Path: "/v1/customers/best", Processing: show, Response: records()},
		ir.Endpoint{Name: "put", Methods: []string{"PUT"}, Path: "/v1/customers/{id}", Processing: show, Replaces: "one", Request: records()},
	)
}

func adService() policy.Service {
	s := declaredService("ads", ir.Endpoint{
		Name: "upload", Methods: []string{"POST"}, Path: "/v1/audience", Processing: []ir.Processing{ir.ProcessingDisclose},
		Request: &ir.Message{
			Addressees: []ir.Addressees{{Each: "/data/*", Identifies: ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormSHA256}}},
			Fields:     []ir.Field{{Pointer: "/data/*", Category: "pd:EmailAddress"}},
		},
	})
	s.Party = ir.Party{Role: ir.RoleController, Name: "Ads Ltd", Transfer: &ir.Transfer{Country: "US", Basis: ir.TransferAdequacy}}
	return s
}

func mailerPolicy() policy.Policy {
	return policy.Policy{Namespace: "marketing", Name: "mailer", Targets: []policy.Target{{Kind: "Deployment", Name: "mailer"}}, Rules: []policy.Rule{
		{
			Name: "newsletter", Purpose: "newsletter", Service: policy.ServiceRef{Namespace: "services", Name: "mail"}, Endpoints: []string{"send"},
			When: []ir.Condition{{Source: ir.SourceBody, Name: "/template_id", In: []string{"news"}}}, OnMissing: ir.OnMissingDropAddressee,
			Tracking: []ir.TrackingRule{{Tracking: ir.OpenTracking, Purpose: "profiling", OnMixed: ir.OnMixedSplit}},
		},
		{Name: "upload", Purpose: "audience", Service: policy.ServiceRef{Namespace: "services", Name: "ads"}, Endpoints: []string{"upload"}},
		{Name: "advice", Purpose: "advice", Service: policy.ServiceRef{Namespace: "services", Name: "register"}, Endpoints: []string{"list", "one"}, OnMissing: ir.OnMissingDropRecord},
	}}
}

// names of the places of things in sound.
const (
	newsletter, profiling, audience, advice = 0, 1, 2, 3
	mail, register, ads                     = 0, 1, 2
)

func purposeRef(name string) policy.Ref { return policy.Ref{Kind: "DataPurpose", Name: name} }

func serviceRef(name string) policy.Ref {
	return policy.Ref{Kind: "DataService", Namespace: "services", Name: name}
}

var (
	policyRef = policy.Ref{Kind: "ConsentPolicy", Namespace: "marketing", Name: "mailer"}
	formRef   = policy.Ref{Kind: "Touchpoint", Namespace: "shop", Name: "form"}
)

func TestASoundSnapshotHasNoFindings(t *testing.T) {
	r := Compile(sound())
	for _, f := range r.Findings {
		t.Errorf("%s %s %s: %s", f.Severity, f.Resource, f.Field, f.Message)
	}
	if len(r.Bundles) != 1 || len(r.Ledgers) != 1 {
		t.Fatalf("%d bundles, %d of ledgers", len(r.Bundles), len(r.Ledgers))
	}
	for _, b := range r.Bundles {
		if _, err := ir.Decode(b.Encoded); err != nil {
			t.Error(err)
		}
		if slices.ContainsFunc(b.Bundle.Purposes, func(p ir.Purpose) bool { return p.Blocked != "" }) {
			t.Errorf("a purpose is blocked: %s", b.Encoded)
		}
	}
}
