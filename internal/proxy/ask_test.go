package proxy

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/scenario"
)

// mail asks about a newsletter to the people of the harness.
func mail(change func(*Asked)) *Asked {
	a := &Asked{
		Method: "POST", Scheme: "http", Host: "api.esp", Target: "/v3/mail/send", Header: http.Header{"Content-Type": {"application/json"}},
		Body: []byte(newsletter), Honours: []decide.Obligation{WithholdAnswer, FilterAnswer, ReplaceBody},
	}
	if change != nil {
		change(a)
	}
	return a
}

// withoutPersonalData adds an endpoint to the shop's service for customers that nobody's data comes to.
func withoutPersonalData(b *ir.Bundle) {
	b.Ungoverned.Action = ir.UngovernedObserve
	for i := range b.Services {
		if b.Services[i].Name == "crm/customers" {
			b.Services[i].Endpoints = append(b.Services[i].Endpoints, ir.Endpoint{Name: "ping", Methods: []string{"POST"}, Path: "/ping", NoPersonalData: true})
		}
	}
}

// TestAsking: a request that is asked about is held to what one that is sent is held to.
func TestAsking(t *testing.T) {
	ping := func(kind, body string) func(*Asked) {
		return func(a *Asked) {
			a.Host, a.Target, a.Body = "customers.crm", "/ping", []byte(body)
			a.Header = http.Header{"Content-Type": {kind}}
		}
	}
	both := func(changes ...func(*Asked)) func(*Asked) {
		return func(a *Asked) {
			for _, c := range changes {
				c(a)
			}
		}
	}
	truncated := func(a *Asked) { a.Doubt = decide.BodyTooLarge }
	to := func(host string) func(*Asked) { return func(a *Asked) { a.Host = host } }
	header := func(name string, values ...string) func(*Asked) { return func(a *Asked) { a.Header[name] = values } }
	for name, c := range map[string]struct {
		change func(*Asked)
		want   decide.Reason
	}{
		"the plain form":                   {nil, ""},
		"a port that is spelled out":       {to("api.esp:80"), ""},
		"another port":                     {to("api.esp:8080"), decide.HostUndeclared},
		"the port of https":                {func(a *Asked) { a.Scheme = "https" }, decide.HostUndeclared},
		"https to the declared port":       {both(to("api.esp:80"), func(a *Asked) { a.Scheme = "https" }), decide.TLSRefused},
		"somebody before the host":         {to("anna@api.esp"), decide.NotCanonical},
		"no host":                          {to(""), decide.NotCanonical},
		"dot segments":                     {func(a *Asked) { a.Target = "/v3/x/../mail/send" }, decide.NotCanonical},
		"no path":                          {func(a *Asked) { a.Target = "" }, decide.NotCanonical},
		"an overriding header":             {header("X-Http-Method-Override", "DELETE"), decide.NotCanonical},
		"two content types":                {header("Content-Type", "application/json", "text/plain"), decide.NotCanonical},
		"another content type":             {header("Content-Type", "text/plain"), decide.EncodingNotAllowed},
		"no body":                          {func(a *Asked) { a.Body = nil }, decide.BodyUnreadable},
		"a part of a body":                 {truncated, decide.BodyTooLarge},
		"less than what was announced":     {header("Content-Length", "1000"), decide.BodyTooLarge},
		"more than what was announced":     {header("Content-Length", "1"), decide.BodyTooLarge},
		"what was announced":               {header("Content-Length", strconv.Itoa(len(newsletter))), ""},
		"a body that names a method":       {func(a *Asked) { a.Body = []byte(`{"_method":"DELETE",` + newsletter[1:]) }, decide.NotCanonical},
		"an endpoint that nobody declared": {func(a *Asked) { a.Target = "/v3/other" }, decide.EndpointUnknown},
		"a query that nobody declared":     {func(a *Asked) { a.Target += "?x=1" }, decide.CategoryNotCovered},
		"nobody's data":                    {ping("application/json", `{}`), ""},
		"a part of nobody's data":          {both(ping("text/plain", `x`), truncated), ""},
		"a part of what may name a method": {both(ping("application/json", `{}`), truncated), decide.BodyTooLarge},
		"a part of a form":                 {both(ping("application/x-www-form-urlencoded", `a=b`), truncated), decide.BodyTooLarge},
		"a form that names a method":       {ping("application/x-www-form-urlencoded", `_method=DELETE`), decide.NotCanonical},
		"JSON that names a method":         {ping("application/json", `{"_method":"DELETE"}`), decide.NotCanonical},
		"a host that nobody declared":      {to("other.example"), ""},
		"the address of a governed host":   {to("192.0.2.1"), decide.NotCanonical},
		"on the way to that address":       {both(to("other.example"), func(a *Asked) { a.Destination = netip.MustParseAddrPort("192.0.2.1:80") }), decide.NotCanonical},
		"on the way to another address":    {both(to("other.example"), func(a *Asked) { a.Destination = netip.MustParseAddrPort("198.51.100.9:80") }), ""},
		"a purpose that does not fit":      {func(a *Asked) { a.Purpose = "profile-view" }, decide.PurposeUndeclared},
		"two purposes":                     {both(func(a *Asked) { a.Purpose = "newsletter" }, header("Optup-Purpose", "transactional")), decide.NotCanonical},
		"one purpose, twice":               {both(func(a *Asked) { a.Purpose = "newsletter" }, header("Optup-Purpose", "newsletter")), ""},
		"the purpose":                      {func(a *Asked) { a.Purpose = "newsletter" }, ""},
		"nothing is promised":              {func(a *Asked) { a.Honours = nil }, decide.ObligationUnmet},
		"something else is promised":       {func(a *Asked) { a.Honours = []decide.Obligation{FilterAnswer, ReplaceBody} }, decide.ObligationUnmet},
		"CONNECT":                          {func(a *Asked) { a.Method = "CONNECT" }, decide.NotCanonical},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, withoutPersonalData)
			got := r.proxy.Ask(t.Context(), mail(c.change))
			if got.Reason != c.want || (got.Effect == decide.Deny) != (c.want != "") || got.ID == "" {
				t.Errorf("%s for %q, want %q", got.Effect, got.Reason, c.want)
			}
			if len(r.requests()) != 0 {
				t.Error("what was asked about was sent")
			}
		})
	}
}

// TestAskingAboutAPortThatIsEncrypted: whoever sends in plain what is declared to be encrypted is refused here as there.
func TestAskingAboutAPortThatIsEncrypted(t *testing.T) {
	r := shop(t, func(b *ir.Bundle) {
		for i := range b.Services {
			for j := range b.Services[i].Ports {
				b.Services[i].Ports[j] = ir.Port{Port: 443, Protocol: "HTTPS"}
			}
		}
	})
	for scheme, want := range map[string]decide.Reason{"https": "", "http": decide.TLSRefused, "": decide.TLSRefused} {
		if got := r.proxy.Ask(t.Context(), mail(func(a *Asked) { a.Scheme, a.Host = scheme, "api.esp:443" })); got.Reason != want {
			t.Errorf("%q: %q", scheme, got.Reason)
		}
	}
}

// TestAskingAboutAServiceWhoseCredentialIsHeld: whoever asks has to promise that it goes with the request, and brings none.
func TestAskingAboutAServiceWhoseCredentialIsHeld(t *testing.T) {
	r := shop(t, func(b *ir.Bundle) {
		withoutPersonalData(b)
		for i := range b.Services {
			b.Services[i].Credential = &ir.Credential{Type: ir.CredentialHeader, Header: "Authorization", Own: ir.OwnRefuse}
		}
	})
	ping := func(a *Asked) { a.Host, a.Target, a.Body, a.Header = "customers.crm", "/ping", nil, http.Header{} }
	for name, c := range map[string]struct {
		change func(*Asked)
		want   decide.Reason
	}{
		"nothing is promised": {nil, decide.ObligationUnmet},
		"it is promised":      {func(a *Asked) { a.Honours = append(a.Honours, InsertCredential) }, ""},
		"one is brought": {func(a *Asked) {
			a.Honours = append(a.Honours, InsertCredential)
			a.Header.Set("Authorization", "Bearer x")
		}, decide.CredentialNotAllowed},
		"nobody's data":                     {ping, decide.ObligationUnmet},
		"nobody's data, and it is promised": {func(a *Asked) { ping(a); a.Honours = []decide.Obligation{InsertCredential} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := r.proxy.Ask(t.Context(), mail(c.change)); got.Reason != c.want {
				t.Errorf("%q, want %q", got.Reason, c.want)
			}
		})
	}
}

// TestAskingWhereNothingIsEnforced tells the decision, and that it is only to be shown.
func TestAskingWhereNothingIsEnforced(t *testing.T) {
	r := shop(t, func(b *ir.Bundle) {
		b.Mode = ir.ModeObserve
		for i := range b.Rules {
			b.Rules[i].Mode = ir.ModeObserve
		}
	})
	if got := r.proxy.Ask(t.Context(), mail(func(a *Asked) { a.Target = "/v3/other" })); !got.Observed || got.Reason != decide.EndpointUnknown {
		t.Errorf("%+v", got)
	}
	if got := r.proxy.Ask(t.Context(), mail(nil)); !got.Observed || got.Reason != "" {
		t.Errorf("%+v", got)
	}
}

// TestAQuestionThatPanicsIsDenied in every mode.
func TestAQuestionThatPanicsIsDenied(t *testing.T) {
	r := shop(t, func(b *ir.Bundle) { b.Mode = ir.ModeObserve })
	for c := range r.current.Load().Facts {
		r.current.Load().Facts[c] = told{fact: func(consent.Identifier, consent.PurposeID) consent.Fact { panic("x") }, now: func() decide.Now { return decide.Now{Ledger: scenario.Now} }}
	}
	if got := r.proxy.Ask(t.Context(), mail(nil)); got.Effect != decide.Deny || got.Reason != decide.InternalError || got.Observed {
		t.Errorf("%+v", got)
	}
}

// TestQuestionsAreRecorded as requests are: with the people, by their tags, and whoever did not agree.
func TestQuestionsAreRecorded(t *testing.T) {
	r := recording(t, nil)
	got := r.proxy.Ask(context.Background(), mail(func(a *Asked) {
		a.Body = []byte(strings.Replace(newsletter, `[{"email"`, `[{"email":"bert@example.org"},{"email"`, 1))
	}))
	if got.Effect != decide.PermitFiltered || len(got.Bodies) != 1 || strings.Contains(string(got.Bodies[0]), "bert") {
		t.Fatalf("%+v", got)
	}
	d := r.one(got.ID)
	if d.Purpose != "newsletter" || d.Effect != string(decide.PermitFiltered) || d.Endpoint != "send" || d.Generation != 12 || d.Position != 41 || len(d.Uses) != 2 || d.Uses[0].Tag == nil {
		t.Errorf("%+v", d)
	}
	refused := r.proxy.Ask(context.Background(), mail(func(a *Asked) { a.Target = "/v3/other" }))
	if d := r.one(refused.ID); d.Effect != string(decide.Deny) || d.Reason != string(decide.EndpointUnknown) {
		t.Errorf("%+v", d)
	}
	q := r.proxy.Questions()
	use := &decide.Use{Purpose: "newsletter", Processing: []ir.Processing{ir.ProcessingSend}, Channel: consent.ChannelEmail}
	var ids []string
	for _, who := range []string{"anna@example.org", "bert@example.org", "anna.b@example.org"} {
		v := q.Ask(use, consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: who})
		if v.Permit != strings.HasPrefix(who, "anna") {
			t.Errorf("%s: %+v", who, v)
		}
		ids = append(ids, v.ID)
	}
	other := q.Ask(&decide.Use{Purpose: "anything"}, consent.Identifier{})
	q.Close()
	if len(slices.Compact(ids)) != 1 || other.ID == ids[0] {
		t.Errorf("decisions %v and %s", ids, other.ID)
	}
	if d := r.one(ids[0]); d.Effect != string(decide.PermitFiltered) || d.Endpoint != "use" || d.Purpose != "newsletter" || len(d.Uses) != 3 || d.Uses[1].Reason != string(decide.NoGrant) {
		t.Errorf("%+v", d)
	}
	if d := r.one(other.ID); d.Effect != string(decide.Deny) || d.Reason != string(decide.PurposeUndeclared) {
		t.Errorf("%+v", d)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, out := range []string{r.log.String(), r.sent.String()} {
		if strings.Contains(out, "anna") || strings.Contains(out, "bert") {
			t.Error("a record or a log names a person")
		}
	}
}
