package arbitrary

import (
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// start is before all that facts tell; decisions are made a hundred days later.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Request makes a request, mostly to an endpoint that the bundle declares.
func (s *Source) Request(b *ir.Bundle) decide.Request {
	r := decide.Request{Method: "GET", Host: "elsewhere", Port: 80, Path: "/"}
	if len(b.Services) > 0 && s.Often() {
		x := &b.Services[s.Number(len(b.Services))]
		r.Host, r.Port = x.Hosts[s.Number(len(x.Hosts))], x.Ports[s.Number(len(x.Ports))].Port
		if len(x.Endpoints) > 0 {
			e := &x.Endpoints[s.Number(len(x.Endpoints))]
			r.Method, r.Path = e.Methods[s.Number(len(e.Methods))], filled(s, e.Path)
		}
	}
	constants := map[ir.Source]map[string]string{}
	for _, source := range []ir.Source{ir.SourceBody, ir.SourceHeader, ir.SourceQuery} {
		constants[source] = map[string]string{}
		for _, n := range []string{"/t", "/u", "H", "h", "q", "r"} {
			if s.Often() {
				constants[source][n] = Pick(s, values...)
			}
		}
	}
	r.Constant = func(source ir.Source, name string) (string, bool) {
		v, ok := constants[source][name]
		return v, ok
	}
	r.Honours = some(s, ir.AddObjectionNotice, ir.Anonymise)
	r.Categories = some(s, categories...)
	r.People = several(s, 3, func(int) decide.Person { return s.person() })
	return r
}

func filled(s *Source, template string) string {
	segments := strings.Split(template, "/")
	for i, x := range segments {
		if strings.HasPrefix(x, "{") {
			segments[i] = Pick(s, values...)
		}
	}
	return strings.Join(segments, "/")
}

// Now makes the moment of a decision; mostly a fresh one.
func (s *Source) Now() decide.Now {
	if s.Seldom() {
		return decide.Never
	}
	return decide.Now{Ledger: start.AddDate(0, 0, 100), Age: Pick(s, 0, time.Second, 20*time.Second, time.Hour), Position: 100}
}

func (s *Source) person() decide.Person {
	p := decide.Person{Unresolved: s.Seldom(), Collected: decide.Collected{Declared: s.Seldom(), At: start.AddDate(0, 0, s.Number(100))}}
	if s.Seldom() {
		return p // nobody knows them
	}
	facts := map[consent.PurposeID]consent.Fact{}
	for _, id := range ids {
		facts[id] = s.fact(id)
	}
	p.Facts = func(id consent.PurposeID) consent.Fact { return facts[id] }
	return p
}

func (s *Source) fact(id consent.PurposeID) consent.Fact {
	f := consent.Fact{Position: 50, Restricted: s.Number(64) == 63, AgeYears: s.Number(40), Business: s.Often(), Informed: s.Often(), Ambiguous: s.Number(64) == 63}
	f.Grants = several(s, 2, func(int) consent.Grant {
		return consent.Grant{
			Position: consent.Position(1 + s.Number(50)), Purpose: id, Notice: Pick(s, wordings...), Since: start.AddDate(0, 0, s.Number(100)), Proof: Pick(s, proofs...),
			Status: word(s, consent.StatusGiven, consent.StatusGiven, consent.StatusGiven, consent.StatusRenewed, consent.StatusWithdrawn, consent.StatusPending),
		}
	})
	f.Relationships = several(s, 1, func(int) consent.Relationship {
		return consent.Relationship{Position: 1, Goods: some(s, "garden", "wine"), ObjectionNotice: s.Often(), Since: start}
	})
	if s.Seldom() {
		f.Objections = []consent.Objection{{Position: consent.Position(s.Number(60)), Scope: word(s, consent.ScopeAll, consent.ScopeChannel, consent.ScopePurpose), Channel: Pick(s, channels...), Purpose: id}}
	}
	if s.Seldom() {
		f.Suppressed = 3
	}
	return f
}
