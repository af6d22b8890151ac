package local_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/doors/doorstest"
	"github.com/optup/optup/internal/doors/doorstest/corpus"
	"github.com/optup/optup/internal/doors/local"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/proxy"
	"github.com/optup/optup/internal/scenario"
)

const shopCase = "purpose/a-request-chooses-among-the-rules-that-match-it"

// shop is the sidecar of the corpus's mailer, with its ledger: anna agreed to the newsletter, nobody else did to anything.
func shop(t testing.TB, change func(*ir.Bundle)) *corpus.Sidecar {
	t.Helper()
	all := corpus.Cases(t, folder)
	i := slices.IndexFunc(all, func(c scenario.Case) bool { return c.Folder == shopCase })
	if i < 0 {
		t.Fatalf("the corpus has no %s", shopCase)
	}
	b := corpus.Golden(t, folder, shopCase)
	if change != nil {
		change(b)
	}
	return corpus.NewSidecar(b, corpus.Told{
		Fact: func(who consent.Identifier, p consent.PurposeID) consent.Fact {
			return all[i].Fact(who, p, scenario.Now)
		},
		Moment: corpus.Fresh,
	})
}

// use asks about a use of somebody's data.
func use(who, purpose, more string) string {
	return fmt.Sprintf(`{"subject":{"type":"workload","id":"mailer"},"action":{"name":"send"},"resource":{"type":"email","id":%q},"context":{"purpose":%q,"channel":"email"%s}}`, who, purpose, more)
}

// TestAuthZENProtocol holds the sidecar to the Authorization API 1.0.
func TestAuthZENProtocol(t *testing.T) {
	h := shop(t, nil).AuthZEN()
	doorstest.Run(t, doorstest.Door{
		Do: func(t *testing.T, method, path, body string, headers ...string) (int, http.Header, string) {
			t.Helper()
			r := httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:15021"+path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			for i := 0; i+1 < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Code, w.Header(), w.Body.String()
		},
		Yes: use("anna@example.org", "newsletter", ""), No: use("ben@example.org", "newsletter", ""),
	})
}

// TestUses: what is asked about by itself rests on the bundle, its policies' purposes and the facts, and tells nobody more than that a
// person may not be used.
func TestUses(t *testing.T) {
	stale := func(age time.Duration) corpus.Told {
		return corpus.Told{
			Fact:   func(consent.Identifier, consent.PurposeID) consent.Fact { return consent.Fact{Restricted: true} },
			Moment: func() decide.Now { return decide.Now{Ledger: scenario.Now, Age: age} },
		}
	}
	for name, c := range map[string]struct {
		question string
		facts    proxy.Facts
		want     bool
		reason   decide.Reason
	}{
		"she agreed":                             {use("Anna@example.org", "newsletter", ""), nil, true, ""},
		"he did not":                             {use("ben@example.org", "newsletter", ""), nil, false, decide.NotPermitted},
		"a contract needs no record":             {use("ben@example.org", "transactional", ""), nil, true, ""},
		"a purpose that no policy here has":      {use("anna@example.org", "unruled", ""), nil, false, decide.PurposeUndeclared},
		"a purpose that nobody declared":         {use("anna@example.org", "anything", ""), nil, false, decide.PurposeUndeclared},
		"data that the purpose does not need":    {use("anna@example.org", "newsletter", `,"dataCategories":["pd:MedicalHealth"]`), nil, false, decide.CategoryNotCovered},
		"data that it needs":                     {use("anna@example.org", "newsletter", `,"dataCategories":["pd:EmailAddress"]`), nil, true, ""},
		"another processing":                     {strings.Replace(use("anna@example.org", "newsletter", ""), `"send"`, `"profile"`, 1), nil, false, decide.NotPermitted},
		"another channel":                        {strings.Replace(use("anna@example.org", "newsletter", ""), `"channel":"email"`, `"channel":"sms"`, 1), nil, false, decide.NotPermitted},
		"a party that no service is of":          {use("anna@example.org", "newsletter", `,"recipient":{"name":"Ad GmbH","role":"Processor"}`), nil, false, decide.PartyNotCovered},
		"old facts":                              {use("anna@example.org", "newsletter", ""), stale(time.Hour), false, decide.LedgerBehind},
		"facts that were never there":            {use("anna@example.org", "newsletter", ""), stale(-1), false, decide.LedgerBehind},
		"a restriction, with fresh facts":        {use("anna@example.org", "newsletter", ""), stale(0), false, decide.NotPermitted},
		"a restriction of a contract, with none": {use("anna@example.org", "transactional", ""), stale(-1), false, decide.NotPermitted},
	} {
		t.Run(name, func(t *testing.T) {
			s := shop(t, func(b *ir.Bundle) {
				unruled := b.Purposes[slices.IndexFunc(b.Purposes, func(p ir.Purpose) bool { return p.Name == "newsletter" })]
				unruled.Name = "unruled"
				b.Purposes = append(b.Purposes, unruled)
			})
			if c.facts != nil {
				s.InForce(corpus.Golden(t, folder, shopCase), c.facts)
			}
			status, got := ask(t, s.AuthZEN(), "/access/v1/evaluation", c.question)
			if status != 200 || *got.Decision != c.want || got.Context.Reason != c.reason {
				t.Errorf("%d, decision %v, %s", status, got.Decision, got.Context.Reason)
			}
			if got.Context.DecisionID == "" || got.Context.Position != nil {
				t.Errorf("decision %q, position %v", got.Context.DecisionID, got.Context.Position)
			}
		})
	}
}

// TestARecipientIsWhatTheServicesDeclare: whoever asks does not say in what role somebody receives data.
func TestARecipientIsWhatTheServicesDeclare(t *testing.T) {
	s := shop(t, func(b *ir.Bundle) {
		for i := range b.Services {
			if b.Services[i].Name == "esp/mail" {
				b.Services[i].Party = ir.Party{Name: "Post AG", Role: ir.RoleController}
			}
		}
	})
	for _, role := range []string{"", "Processor", "Controller"} {
		_, got := ask(t, s.AuthZEN(), "/access/v1/evaluation", use("anna@example.org", "newsletter", `,"recipient":{"name":"Post AG","role":"`+role+`"}`))
		if *got.Decision || got.Context.Reason != decide.PartyNotCovered {
			t.Errorf("as %q: %t %s", role, *got.Decision, got.Context.Reason)
		}
	}
}

// TestATransferIsWhatTheServicesDeclare: whoever asks may name it, and one that nobody declared goes nowhere, beside whatever else is asked.
func TestATransferIsWhatTheServicesDeclare(t *testing.T) {
	s := shop(t, func(b *ir.Bundle) {
		for i := range b.Services {
			if b.Services[i].Name == "esp/mail" {
				b.Services[i].Party = ir.Party{Name: "Post AG", Role: ir.RoleProcessor, Transfer: &ir.Transfer{Country: "US", Basis: ir.TransferAdequacy}}
			}
		}
	})
	questions := map[string]bool{
		`{"name":"Post AG"}`: true,
		`{"name":"Post AG","transfer":{"country":"US","basis":"Adequacy"}}`: true,
		`{"name":"Post AG","transfer":{"country":"BR","basis":"Adequacy"}}`: false,
		`{"name":"Post AG","transfer":{"country":"US"}}`:                    false,
		`{"transfer":{"country":"US","basis":"Adequacy"}}`:                  false,
	}
	var all []string
	var want []bool
	for recipient, permitted := range questions {
		all, want = append(all, use("anna@example.org", "newsletter", `,"recipient":`+recipient)), append(want, permitted)
	}
	_, got := ask(t, s.AuthZEN(), "/access/v1/evaluations", `{"evaluations":[`+strings.Join(all, ",")+`]}`)
	for i, e := range got.Evaluations {
		if *e.Decision != want[i] || (!want[i] && e.Context.Reason != decide.PartyNotCovered) {
			t.Errorf("%s: %t %s", all[i], *e.Decision, e.Context.Reason)
		}
	}
}

// TestObligationsOfAUse: a permission that rests on something that whoever asks has to do is none without the promise.
func TestObligationsOfAUse(t *testing.T) {
	customer := corpus.Told{
		Fact: func(consent.Identifier, consent.PurposeID) consent.Fact {
			return consent.Fact{Position: 1, Relationships: []consent.Relationship{{Goods: []string{"garden"}, ObjectionNotice: true}}}
		},
		Moment: corpus.Fresh,
	}
	s := shop(t, nil)
	s.InForce(corpus.Golden(t, folder, shopCase), customer)
	for more, want := range map[string]bool{"": false, `,"obligations":["filter-answer"]`: false, `,"obligations":["add-objection-notice"]`: true} {
		_, got := ask(t, s.AuthZEN(), "/access/v1/evaluation", use("anna@example.org", "existing-customer-mail", more))
		if *got.Decision != want || (want && !slices.Equal(got.Context.Obligations, []decide.Obligation{ir.AddObjectionNotice})) || (!want && got.Context.Reason != decide.ObligationUnmet) {
			t.Errorf("%s: %t %v %s", more, *got.Decision, got.Context.Obligations, got.Context.Reason)
		}
	}
}

// TestWithoutABundleNothingIsPermitted: a use cannot be answered about, and a request is denied.
func TestWithoutABundleNothingIsPermitted(t *testing.T) {
	h := corpus.NewSidecar(nil, nil).AuthZEN()
	if status, got := ask(t, h, "/access/v1/evaluation", use("anna@example.org", "newsletter", "")); status != 503 || got.Decision != nil {
		t.Errorf("a use: %d", status)
	}
	if status, got := ask(t, h, "/access/v1/evaluation", send("anna@example.org", "")); status != 200 || *got.Decision || got.Context.Reason != decide.InternalError {
		t.Errorf("a request: %d %v", status, got)
	}
}

// send asks about a newsletter to somebody.
func send(who, context string) string {
	body, err := json.Marshal(`{"template_id":"d-newsletter","personalizations":[{"to":[{"email":"` + who + `"}]}]}`)
	if err != nil {
		panic(err)
	}
	return `{"subject":{"type":"workload","id":"mailer"},"action":{"name":"POST"},"resource":{"type":"request","id":"http://api.esp/v3/mail/send","properties":{"headers":{"Content-Type":"application/json"},"body":` +
		string(body) + `}},"context":{"obligations":["withhold-answer"]` + context + `}}`
}

// TestThePurposeOfARequest is chosen by the header that the request would have, or in the context.
func TestThePurposeOfARequest(t *testing.T) {
	h := shop(t, nil).AuthZEN()
	header := func(names ...string) string {
		q := send("anna@example.org", "")
		for _, n := range names {
			q = strings.Replace(q, `"headers":{`, `"headers":{`+n+`,`, 1)
		}
		return q
	}
	for name, c := range map[string]struct {
		question string
		want     bool
		reason   decide.Reason
	}{
		"nowhere":                {send("anna@example.org", ""), false, decide.PurposeAmbiguous},
		"in the context":         {send("anna@example.org", `,"purpose":"newsletter"`), true, ""},
		"in the header":          {header(`"OptUp-Purpose":"newsletter"`), true, ""},
		"in small letters":       {header(`"optup-purpose":"newsletter"`), true, ""},
		"in two spellings":       {header(`"optup-purpose":"newsletter"`, `"OptUp-Purpose":"transactional"`), false, decide.NotCanonical},
		"with an underscore":     {header(`"OptUp_Purpose":"newsletter"`), false, decide.NotCanonical},
		"one that does not fit":  {send("anna@example.org", `,"purpose":"recall"`), false, decide.PurposeUndeclared},
		"one that nobody has":    {send("anna@example.org", `,"purpose":"anything"`), false, decide.PurposeUndeclared},
		"for somebody who is no": {send("ben@example.org", `,"purpose":"newsletter"`), false, decide.NotPermitted},
	} {
		t.Run(name, func(t *testing.T) {
			if _, got := ask(t, h, "/access/v1/evaluation", c.question); *got.Decision != c.want || got.Context.Reason != c.reason {
				t.Errorf("%t %s", *got.Decision, got.Context.Reason)
			}
		})
	}
}

// TestOtherNamesOfThisHost are refused: a page that a name server leads here is none of the pod.
func TestOtherNamesOfThisHost(t *testing.T) {
	h := shop(t, nil).AuthZEN()
	for host, want := range map[string]int{
		"127.0.0.1:15021": 200, "localhost:15021": 200, "[::1]:15021": 200, "localhost": 200, "evil.example": 403, "evil.example:15021": 403, "10.0.0.1:15021": 403, "127.0.0.1.evil.example": 403, "": 403,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/access/v1/evaluation", strings.NewReader(use("anna@example.org", "newsletter", "")))
		r.Host = host
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%q: %d", host, w.Code)
		}
	}
}

// TestQuestionsAreBounded in a second, each of several counted.
func TestQuestionsAreBounded(t *testing.T) {
	s := shop(t, nil)
	s.Rate = 1
	h := s.AuthZEN()
	many := `{"evaluations":[` + strings.Repeat("{},", 599) + "{}]}"
	if status, _ := ask(t, h, "/access/v1/evaluations", many); status != 200 {
		t.Fatalf("the first: %d", status)
	}
	if status, got := ask(t, h, "/access/v1/evaluations", many); status != 429 || got.Evaluations != nil {
		t.Errorf("more than a burst: %d", status)
	}
	if status, _ := ask(t, h, "/access/v1/evaluation", use("anna@example.org", "newsletter", "")); status != 200 {
		t.Errorf("what is left of the burst: %d", status)
	}
}

// TestBodiesAreBounded: what is not read is not answered.
func TestBodiesAreBounded(t *testing.T) {
	h := shop(t, nil).AuthZEN()
	if status, got := ask(t, h, "/access/v1/evaluation", use("anna@example.org", "newsletter", `,"x":"`+strings.Repeat("x", 5<<20)+`"`)); status != 413 || got.Decision != nil {
		t.Errorf("%d", status)
	}
}

// TestAPanicIsNoAnswer, and tells nothing.
func TestAPanicIsNoAnswer(t *testing.T) {
	s := shop(t, nil)
	s.InForce(corpus.Golden(t, folder, shopCase), corpus.Told{
		Fact:   func(consent.Identifier, consent.PurposeID) consent.Fact { panic("anna@example.org") },
		Moment: corpus.Fresh,
	})
	if status, got := ask(t, s.AuthZEN(), "/access/v1/evaluation", use("anna@example.org", "newsletter", "")); status != 500 || got.Decision != nil || strings.Contains(got.Detail, "anna") {
		t.Errorf("a use: %d %v", status, got)
	}
	if status, got := ask(t, s.AuthZEN(), "/access/v1/evaluation", send("anna@example.org", `,"purpose":"newsletter"`)); status != 200 || *got.Decision || got.Context.Reason != decide.InternalError {
		t.Errorf("a request: %d %v", status, got)
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1:1": true, "127.8.8.8": true, "[::1]:1": true, "::1": true, "[::ffff:127.0.0.1]:1": true, "localhost:1": true,
		"0.0.0.0:1": false, ":1": false, "[::]:1": false, "10.1.2.3:1": false, "example.org:1": false, "": false,
	} {
		if local.Loopback(host) != want {
			t.Errorf("%q: %t", host, !want)
		}
	}
}
