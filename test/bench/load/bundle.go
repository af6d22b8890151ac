package load

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

const (
	controller = "shop-gmbh"
	service    = "crm/customers"
	// serviceHost is a name that every machine knows.
	serviceHost = "localhost"
	// profile is the purpose of single requests, list that of lists.
	profile, list consent.PurposeID = "profile-view", "list-view"
)

// bundle lets the workload show one person, whom the path names, and lists, from which people without consent go.
func bundle(port int) *ir.Bundle {
	shows := []ir.Processing{ir.ProcessingShow}
	email := ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain}
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: "shop", Workload: "Deployment/dashboard", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 30_000,
	}
	for _, p := range []consent.PurposeID{profile, list} {
		b.Purposes = append(b.Purposes, ir.Purpose{
			Name: p, Controller: controller, Grounds: []ir.Ground{ir.GroundConsent}, Processing: shows, Categories: []string{"contact", "purchases"},
			Objection: ir.ObjectionDirectMarketing, Proofs: []consent.Proof{consent.ProofMailboxConfirmed}, ValidForDays: 730,
		})
		b.Notices = append(b.Notices, ir.Notice{
			Name: consent.NoticeID(p) + "-v1", Series: string(p), Version: 1, Controller: controller, Purposes: []consent.PurposeID{p}, Processing: shows,
		})
	}
	fields := []ir.Field{
		{Pointer: "/email", Category: "contact"},
		{Pointer: "/name", Category: "contact"},
		{Pointer: "/street", Category: "contact"},
		{Pointer: "/city", Category: "contact"},
		{Pointer: "/zip", Category: "contact"},
		{Pointer: "/orders", Category: "purchases"},
		{Pointer: "/iban", Category: "payment"},
		{Pointer: "/birthday", Category: "birth"},
	}
	free := []string{"/active"}
	b.Services = []ir.Service{{
		Name: service, Hosts: []string{serviceHost}, Ports: []ir.Port{{Port: port, Protocol: "HTTP"}}, Party: ir.Party{Role: ir.RoleProcessor},
		Endpoints: []ir.Endpoint{
			{
				Name: "person", Methods: []string{"GET"}, Path: "/v1/people/{who}", Processing: shows,
				Segments: []ir.PathSegment{{Name: "who", Person: email}}, Response: &ir.Message{Fields: fields, NotPersonal: free},
			},
			{
				Name: "offers", Methods: []string{"GET"}, Path: "/v1/offers/{who}", Processing: shows,
				Segments: []ir.PathSegment{{Name: "who", Person: email}}, Response: &ir.Message{NotPersonal: []string{""}},
			},
			{
				Name: "list", Methods: []string{"GET"}, Path: "/v1/list/{mebibytes}", Processing: shows,
				Response: &ir.Message{Records: &ir.Records{Each: "/records/*", Identifier: "/email", Identifies: email, Fields: fields, NotPersonal: free}},
			},
			{Name: "open", Methods: []string{"GET"}, Path: "/v1/open/{mebibytes}", NoPersonalData: true},
		},
	}}
	rule := func(p consent.PurposeID, endpoint string, missing ir.OnMissing) ir.Rule {
		return ir.Rule{
			Policy: "shop/dashboard/" + endpoint, Purpose: p, Service: service, Endpoints: []string{endpoint},
			OnMissing: missing, OnEmpty: ir.OnEmptyDeny, Mode: ir.ModeEnforce,
		}
	}
	b.Rules = []ir.Rule{rule(profile, "person", ir.OnMissingDeny), rule(profile, "offers", ir.OnMissingDeny), rule(list, "list", ir.OnMissingDropRecord)}
	return b
}
