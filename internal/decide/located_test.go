package decide_test

import (
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// TestNobodyIsUsedWithoutBeingDecidedAbout: what needs a record, or the absence of an objection, is denied where the service does not say
// where people are, and data that belongs to nobody in particular does not pass.
func TestNobodyIsUsedWithoutBeingDecidedAbout(t *testing.T) {
	email := ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain}
	field := func(pointer string) ir.Field { return ir.Field{Pointer: pointer, Category: "pd:Name"} }
	body := &ir.Message{
		Addressees: []ir.Addressees{{Each: "/units/*/to/*", Unit: "/units/*", Identifies: email}},
		Fields:     []ir.Field{field("/units/*/to/*/name"), field("/units/*/greeting"), field("/owner"), field("/units-of-others/*/name")},
	}
	answer := &ir.Message{Records: &ir.Records{Each: "/people/*", Identifier: "/email", Identifies: email, Fields: []ir.Field{field("/name")}}, Fields: []ir.Field{field("/owner")}}
	for name, tt := range map[string]struct {
		purpose  consent.PurposeID
		change   func(*ir.Endpoint)
		reason   decide.Reason
		sent     int // fields of the request that may pass
		returned int // fields outside of records that may come back
	}{
		"a send that names nobody":               {"newsletter", func(*ir.Endpoint) {}, decide.PersonUnresolved, 0, 0},
		"an interest that nobody opposed":        {"letters", func(*ir.Endpoint) {}, decide.PersonUnresolved, 0, 0},
		"a contract needs nobody's record":       {"invoice", func(e *ir.Endpoint) { e.Response = answer }, "", 0, 1},
		"addressees, their units, and no others": {"newsletter", func(e *ir.Endpoint) { e.Request = body }, "", 2, 0},
		"records, and nothing beside them":       {"newsletter", func(e *ir.Endpoint) { e.Response = answer }, "", 0, 0},
		"an address says whom all is about": {"newsletter", func(e *ir.Endpoint) {
			e.Request, e.Response, e.Query = body, answer, []ir.QueryParam{{Name: "email", Person: &email}}
		}, "", 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := world()
			for i := range b.Services[0].Endpoints {
				if e := &b.Services[0].Endpoints[i]; e.Name == string(tt.purpose) {
					e.Request, e.Response, e.Query = nil, nil, nil
					tt.change(e)
				}
			}
			x := decide.NewIndex(b)
			e, reason := x.Endpoint("POST", "s", 80, "/"+string(tt.purpose))
			if reason != "" {
				t.Fatal(reason)
			}
			p, reason := x.Plan(e, nil)
			if reason != tt.reason {
				t.Fatalf("%q, want %q", reason, tt.reason)
			}
			if p == nil {
				return
			}
			sent, returned := 0, 0
			// Fields of no category stay declared and are never covered.
			covered := func(fields []ir.Field) (n int) {
				for _, f := range fields {
					if f.Category != "" {
						n++
					}
				}
				return n
			}
			if p.Endpoint.Request != nil {
				sent = covered(p.Endpoint.Request.Fields)
			}
			if p.Endpoint.Response != nil {
				returned = covered(p.Endpoint.Response.Fields)
			}
			if sent != tt.sent || returned != tt.returned {
				t.Errorf("%d fields may be sent and %d come back", sent, returned)
			}
		})
	}
}
