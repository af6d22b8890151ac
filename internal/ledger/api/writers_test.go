package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

func TestAWriterSpeaksForItsTouchpointOnly(t *testing.T) {
	l := ledgertest.New(t)
	b := ledgertest.NewBundle("newsletter")
	other := b.Notices[0]
	other.Name = "other-v1"
	b.Notices = append(b.Notices, other)
	b.Touchpoints = append(b.Touchpoints, ir.Touchpoint{Name: "shop/till", Controller: ledgertest.Controller, Place: ir.PlaceStore, CoolDownDays: 1})
	l.Bundle.Store(b)
	l.Start()
	for name, c := range map[string]struct {
		subject, event string
		want           int
	}{
		"a grant at its touchpoint":                {ledgertest.Writer, `{"type":"given","touchpoint":"shop/form","purpose":"newsletter","notice":"newsletter-v1","proof":"MailboxConfirmed"}`, 201},
		"a withdrawal at its touchpoint":           {ledgertest.Writer, `{"type":"withdrawn","touchpoint":"shop/form","purpose":"newsletter"}`, 201},
		"a grant at no touchpoint":                 {ledgertest.Writer, `{"type":"given","purpose":"newsletter","notice":"newsletter-v1","proof":"MailboxConfirmed"}`, 403},
		"a grant at the touchpoint of another":     {ledgertest.Writer, `{"type":"given","touchpoint":"shop/till","purpose":"newsletter","notice":"newsletter-v1","proof":"MailboxConfirmed"}`, 403},
		"a wording that it does not offer":         {ledgertest.Writer, `{"type":"given","touchpoint":"shop/form","purpose":"newsletter","notice":"other-v1","proof":"MailboxConfirmed"}`, 403},
		"what only an officer may":                 {ledgertest.Writer, `{"type":"unrestricted","touchpoint":"shop/form"}`, 403},
		"the role for all names every one":         {ledgertest.Touchpoint, `{"type":"withdrawn","touchpoint":"shop/till","purpose":"newsletter"}`, 201},
		"who writes for no touchpoint has no role": {ledgertest.Sidecar, `{"type":"withdrawn","touchpoint":"shop/form","purpose":"newsletter"}`, 403},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := l.Do(c.subject, "POST", "/v1/events", eventBody(strings.ReplaceAll(name, " ", "-")+"@example.org", c.event)); status != c.want {
				t.Errorf("status %d, want %d: %s", status, c.want, body)
			}
		})
	}
	l.Append("elsewhere@example.org", consent.Event{Type: consent.EventGiven, Pending: true, Actor: consent.ActorTouchpoint, Purpose: "secret", Notice: "other-v1"})
	l.Append("elsewhere@example.org", consent.Event{Type: consent.EventGiven, Pending: true, Actor: consent.ActorTouchpoint, Purpose: "newsletter", Notice: "newsletter-v1"})
	l.Append("elsewhere@example.org", consent.Event{Type: consent.EventObjected, Actor: consent.ActorPerson, Scope: consent.ScopePurpose, Purpose: "secret"})
	r := record(t, l, "elsewhere@example.org")
	for name, c := range map[string]struct {
		event string
		want  int
	}{
		"confirms a purpose that it does not ask for":    {`{"type":"confirmed","touchpoint":"shop/form","purpose":"secret","basedOn":HEAD,"proof":"MailboxConfirmed"}`, 403},
		"confirms a grant of another wording":            {`{"type":"confirmed","touchpoint":"shop/form","purpose":"newsletter","grant":OTHER,"basedOn":HEAD,"proof":"MailboxConfirmed"}`, 403},
		"confirms a grant that nobody gave":              {`{"type":"confirmed","touchpoint":"shop/form","grant":7777,"proof":"MailboxConfirmed"}`, 403},
		"renews a grant of another wording":              {`{"type":"renewed","touchpoint":"shop/form","grant":OTHER,"basedOn":HEAD,"proof":"MailboxConfirmed"}`, 403},
		"lifts an objection to everything":               {`{"type":"objectionLifted","touchpoint":"shop/form","scope":"all","purpose":"newsletter","basedOn":HEAD,"proof":"MailboxConfirmed"}`, 403},
		"lifts an objection to what it does not ask for": {`{"type":"objectionLifted","touchpoint":"shop/form","scope":"purpose","purpose":"secret","basedOn":HEAD,"proof":"MailboxConfirmed"}`, 403},
		"confirms a grant of its wording":                {`{"type":"confirmed","touchpoint":"shop/form","grant":OWN,"proof":"MailboxConfirmed"}`, 201},
		"confirms a purpose that it asks for":            {`{"type":"confirmed","touchpoint":"shop/form","purpose":"newsletter","proof":"MailboxConfirmed"}`, 201},
		"lifts an objection to what it asks for":         {`{"type":"objectionLifted","touchpoint":"shop/form","scope":"purpose","purpose":"newsletter","basedOn":HEAD,"proof":"MailboxConfirmed"}`, 201},
	} {
		t.Run(name, func(t *testing.T) {
			e := strings.NewReplacer("OTHER", fmt.Sprint(r.Grants[0].Position), "OWN", fmt.Sprint(r.Grants[1].Position), "HEAD", fmt.Sprint(r.Position)).Replace(c.event)
			if status, body := l.Do(ledgertest.Writer, "POST", "/v1/events", eventBody("elsewhere@example.org", e)); status != c.want {
				t.Errorf("status %d, want %d: %s", status, c.want, body)
			}
		})
	}
	csv := "identifier_type,identifier,event,purpose,notice\nemail,a@example.org,given,newsletter,newsletter-v1\n"
	if status, body := l.Do(ledgertest.Writer, "POST", "/v1/imports", csv); status != 403 {
		t.Errorf("it imports: status %d: %s", status, body)
	}
	l.Bundle.Store(nil)
	if status, _ := l.Do(ledgertest.Writer, "POST", "/v1/events", eventBody("ada@example.org", `{"type":"withdrawn","touchpoint":"shop/form","purpose":"newsletter"}`)); status != 403 {
		t.Errorf("it writes without a bundle: status %d", status)
	}
}
