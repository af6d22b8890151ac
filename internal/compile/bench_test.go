package compile

import (
	"fmt"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// estate is a large company: policies and workloads spread over namespaces, and services that all of them may use.
func estate(namespaces, services, endpoints, policies, workloads int) policy.Snapshot {
	const controller = "Example AG"
	s := policy.Snapshot{Ledgers: []policy.Ledger{{Namespace: "consent", Name: "main", Controller: controller, URL: "https://main"}}}
	labels := map[string]string{"team": "marketing"}
	for i := range namespaces {
		s.Namespaces = append(s.Namespaces, policy.Namespace{Name: fmt.Sprintf("ns-%d", i), Mode: ir.ModeEnforce, Labels: labels})
	}
	anyone := policy.NamespaceSelector{MatchLabels: labels}
	for i := range 50 {
		name := fmt.Sprintf("purpose-%d", i)
		s.Purposes = append(s.Purposes, policy.Purpose{Allowed: anyone, Purpose: ir.Purpose{
			Name: consent.PurposeID(name), Controller: controller, Grounds: []ir.Ground{ir.GroundConsent}, Processing: []ir.Processing{ir.ProcessingSend},
			Categories: []string{"pd:EmailAddress", "pd:Name"}, Channels: []consent.Channel{consent.ChannelEmail}, Objection: ir.ObjectionDirectMarketing,
		}})
		s.Notices = append(s.Notices, ir.Notice{
			Name: consent.NoticeID(name + "-v1"), Series: name, Version: 1, Controller: controller, Purposes: []consent.PurposeID{consent.PurposeID(name)},
			Processing: []ir.Processing{ir.ProcessingSend}, Channels: []consent.Channel{consent.ChannelEmail},
		})
	}
	for i := range services {
		svc := policy.Service{Namespace: "services", Allowed: anyone, Service: ir.Service{
			Name: fmt.Sprintf("services/service-%d", i), Hosts: []string{fmt.Sprintf("service-%d.services.svc", i), fmt.Sprintf("service-%d.example", i)},
			Ports: []ir.Port{{Port: 443, Protocol: "HTTPS"}}, Party: ir.Party{Role: ir.RoleProcessor, Name: "Example Processor Ltd"},
		}}
		for j := range endpoints {
			svc.Endpoints = append(svc.Endpoints, mailEndpoint(fmt.Sprintf("send-%d", j), fmt.Sprintf("/v%d/mail/{account}/send", j)))
		}
		s.Services = append(s.Services, svc)
	}
	for i := range policies {
		p := policy.Policy{Namespace: fmt.Sprintf("ns-%d", i%namespaces), Name: fmt.Sprintf("policy-%d", i)}
		p.Targets = []policy.Target{{Kind: "Deployment", Name: fmt.Sprintf("app-%d", i%workloads)}}
		for j := range 4 {
			p.Rules = append(p.Rules, policy.Rule{
				Name: fmt.Sprintf("rule-%d", j), Purpose: consent.PurposeID(fmt.Sprintf("purpose-%d", (i+j)%50)), OnMissing: ir.OnMissingDropAddressee,
				Service:   policy.ServiceRef{Namespace: "services", Name: fmt.Sprintf("service-%d", (i+j%2)%services)},
				Endpoints: []string{fmt.Sprintf("send-%d", i%endpoints)},
				When:      []ir.Condition{{Source: ir.SourceBody, Name: "/template_id", In: []string{fmt.Sprintf("t-%d", i), fmt.Sprintf("t-%d-%d", i, j)}[j%2:]}},
			})
		}
		s.Policies = append(s.Policies, p)
	}
	for i := range workloads {
		s.Workloads = append(s.Workloads, policy.Workload{Namespace: fmt.Sprintf("ns-%d", i%namespaces), Kind: "Deployment", Name: fmt.Sprintf("app-%d", i)})
	}
	return s
}

// byLabel has policies select workloads by label instead of by name.
func byLabel(s *policy.Snapshot) {
	for i := range s.Policies {
		s.Policies[i].Selector, s.Policies[i].Targets = map[string]string{"app": s.Policies[i].Targets[0].Name}, nil
	}
	for i := range s.Workloads {
		s.Workloads[i].Labels = map[string]string{"app": s.Workloads[i].Name}
	}
}

func mailEndpoint(name, path string) ir.Endpoint {
	return ir.Endpoint{
		Name: name, Methods: []string{"POST"}, Path: path, Processing: []ir.Processing{ir.ProcessingSend}, Channel: consent.ChannelEmail,
		Request: &ir.Message{
			Addressees: []ir.Addressees{{
				Each: "/personalizations/*/to/*", Identifier: "/email", Unit: "/personalizations/*",
				Identifies: ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain},
			}},
			Fields: []ir.Field{
				{Pointer: "/personalizations/*/to/*/email", Category: "pd:EmailAddress"}, {Pointer: "/personalizations/*/to/*/name", Category: "pd:Name"},
			},
			NotPersonal: []string{"/template_id", "/subject", "/content", "/from"},
		},
	}
}

// BenchmarkCompile compiles 1,000 policies, 200 services with 20 endpoints each, and 1,000 workloads: spread over fifty namespaces, and
// all of it in one.
func BenchmarkCompile(b *testing.B) {
	for name, tt := range map[string]struct {
		namespaces int
		labels     bool
	}{"in 50 namespaces": {50, false}, "in 1 namespace": {1, false}, "in 1 namespace, selected by label": {1, true}} {
		b.Run(name, func(b *testing.B) {
			s := estate(tt.namespaces, 200, 20, 1000, 1000)
			if tt.labels {
				byLabel(&s)
			}
			b.ReportAllocs()
			for b.Loop() {
				r := Compile(s)
				if len(r.Bundles) != 1000 || len(r.Bundles[0].Bundle.Rules) != 4 {
					b.Fatalf("%d bundles", len(r.Bundles))
				}
			}
		})
	}
}
