package faults

import (
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/test/bypass/market"
)

const (
	controller = "Market Ltd"
	service    = "market/market"
)

// bundle lets an application show people, follow them, send them news, and send invoices, which need no record.
func bundle(port int, bound time.Duration) *ir.Bundle {
	email := ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain}
	fields := []ir.Field{
		{Pointer: "/email", Category: "contact"},
		{Pointer: "/name", Category: "contact"},
		{Pointer: "/phone", Category: "contact"},
		{Pointer: "/orders/*/sku", Category: "purchases"},
		{Pointer: "/health", Category: "health"},
	}
	records := func(each string) *ir.Records {
		return &ir.Records{Each: each, Identifier: "/email", Identifies: email, Fields: fields, NotPersonal: []string{"/id", "/since"}}
	}
	show, send := []ir.Processing{ir.ProcessingShow}, []ir.Processing{ir.ProcessingSend}
	mail := &ir.Message{
		Addressees:  []ir.Addressees{{Each: "/to/*", Identifier: "/email", Identifies: email}},
		Fields:      []ir.Field{{Pointer: "/to/*/email", Category: "contact"}},
		NotPersonal: []string{"/template_id", "/subject"},
	}
	rule := func(p consent.PurposeID, endpoint string, missing ir.OnMissing, when ...ir.Condition) ir.Rule {
		return ir.Rule{
			Policy: "market/client/" + string(p) + "-" + endpoint, Purpose: p, Service: service, Endpoints: []string{endpoint},
			When: when, OnMissing: missing, OnEmpty: ir.OnEmptyDeny, Mode: ir.ModeEnforce,
		}
	}
	template := func(name string) ir.Condition {
		return ir.Condition{Source: ir.SourceBody, Name: "/template_id", In: []string{name}}
	}
	consented := func(p consent.PurposeID, processing []ir.Processing, channels ...consent.Channel) ir.Purpose {
		return ir.Purpose{
			Name: p, Controller: controller, Grounds: []ir.Ground{ir.GroundConsent}, Processing: processing,
			Categories: []string{"contact", "purchases"}, Channels: channels, Objection: ir.ObjectionDirectMarketing, ValidForDays: 730,
		}
	}
	notice := func(n consent.NoticeID, p consent.PurposeID, processing []ir.Processing, channels ...consent.Channel) ir.Notice {
		return ir.Notice{
			Name: n, Series: string(p), Version: 1, Controller: controller, Purposes: []consent.PurposeID{p}, Processing: processing,
			Channels: channels, EarlierData: true,
		}
	}
	return &ir.Bundle{
		Schema: ir.Schema, Namespace: "market", Workload: "Deployment/client", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: bound.Milliseconds(),
		Purposes: []ir.Purpose{
			consented(market.View, show), consented(market.News, send, consent.ChannelEmail),
			{
				Name: "invoice", Controller: controller, Grounds: []ir.Ground{ir.GroundContract}, Processing: send,
				Categories: []string{"contact"}, Channels: []consent.Channel{consent.ChannelEmail}, Objection: ir.ObjectionNone,
			},
		},
		Notices: []ir.Notice{notice(market.ViewNotice, market.View, show), notice(market.NewsNotice, market.News, send, consent.ChannelEmail)},
		Services: []ir.Service{{
			Name: service, Hosts: []string{"localhost"}, Ports: []ir.Port{{Port: port, Protocol: "HTTP"}}, Party: ir.Party{Role: ir.RoleProcessor},
			Endpoints: []ir.Endpoint{
				{
					Name: "list", Methods: []string{"GET"}, Path: "/v1/customers", Processing: show,
					Response: &ir.Message{Records: records("/customers/*")},
				},
				{
					Name: "follow", Methods: []string{"GET"}, Path: "/v1/visits", Processing: show,
					Response: &ir.Message{Format: ir.FormatNDJSON, Records: records("/*")},
				},
				{Name: "send", Methods: []string{"POST"}, Path: "/v3/mail/send", Processing: send, Channel: consent.ChannelEmail, Request: mail},
				{Name: "files", Methods: []string{"GET", "POST"}, Path: "/v1/files/{id}", NoPersonalData: true},
			},
		}},
		Rules: []ir.Rule{
			rule(market.View, "list", ir.OnMissingDropRecord), rule(market.View, "follow", ir.OnMissingDropRecord),
			rule(market.News, "send", ir.OnMissingDropAddressee, template("d-news")),
			rule("invoice", "send", ir.OnMissingDropAddressee, template("d-invoice")),
		},
	}
}
