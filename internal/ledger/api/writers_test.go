package api_test

import (
	"strings"
	"testing"

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
	csv := "identifier_type,identifier,event,purpose,notice\nemail,a@example.org,given,newsletter,newsletter-v1\n"
	if status, body := l.Do(ledgertest.Writer, "POST", "/v1/imports", csv); status != 403 {
		t.Errorf("it imports: status %d: %s", status, body)
	}
	l.Bundle.Store(nil)
	if status, _ := l.Do(ledgertest.Writer, "POST", "/v1/events", eventBody("ada@example.org", `{"type":"withdrawn","touchpoint":"shop/form","purpose":"newsletter"}`)); status != 403 {
		t.Errorf("it writes without a bundle: status %d", status)
	}
}
