package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/doors/doorstest/corpus"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/scenario"
)

// TestCorpus asks the ledger by AuthZEN about everybody whom a request of the corpus is about, with what happened to them in its log. Its answers
// are those of the sidecar, but for three rules. It knows no requests, so that only people are asked about, for the use that the request is; tracking that
// comes along would be another use. It is never behind itself. And nobody tells it when a record was collected.
//
// A workload learns nothing else about somebody who may not be used than about somebody whom nobody knows.
func TestCorpus(t *testing.T) {
	asked := 0
	for _, c := range corpus.Cases(t, corpusFolder) {
		t.Run(c.Name, func(t *testing.T) {
			outcomes, err := c.Run()
			if err != nil {
				t.Fatal(err)
			}
			ledgers := map[time.Time]*ledgertest.Ledger{}
			for _, o := range outcomes {
				if len(o.Got.People) == 0 { // denied for everybody, or about nobody
					continue
				}
				moment := o.Decision.At()
				if ledgers[moment] == nil {
					ledgers[moment] = knowing(t, c, moment)
				}
				for i := range o.Got.People {
					if compareAnswer(t, ledgers[moment], o, i) {
						asked++
					}
				}
			}
		})
	}
	if asked < 200 {
		t.Errorf("only %d people were asked about", asked)
	}
}

const corpusFolder = "../../../test/corpus"

// knowing is a ledger in which what is known at some moment has happened, and whose clock stands there.
func knowing(t *testing.T, c scenario.Case, moment time.Time) *ledgertest.Ledger {
	t.Helper()
	l := ledgertest.New(t)
	var now atomic.Pointer[time.Time]
	began := c.Ledger[:0:0]
	for _, e := range c.Ledger {
		if !e.At.After(moment) {
			began = append(began, e)
		}
	}
	slices.SortStableFunc(began, func(a, b scenario.Entry) int { return a.At.Compare(b.At) }) // a log's time never goes back
	now.Store(&moment)
	if len(began) > 0 {
		now.Store(&began[0].At)
	}
	l.Now = func() time.Time { return *now.Load() }
	l.Bundle.Store(corpus.Golden(t, corpusFolder, c.Folder))
	l.Start()
	// Events name others by their places in the case, where one that a ledger refuses has a place, too.
	places := map[consent.Position]consent.Position{}
	for _, e := range began {
		at := e.At
		now.Store(&at)
		for _, other := range []*consent.Position{&e.BasedOn, &e.Grant, &e.Corrects} {
			if place, ok := places[*other]; ok {
				*other = place
			}
		}
		identities := []store.Identity{identityOf(t, l, e.Person)}
		if e.With != nil {
			identities = append(identities, identityOf(t, l, *e.With))
		}
		place := e.Position
		e.Event.Position, e.Event.At = 0, time.Time{}
		got, refused, err := l.Store.Append(t.Context(), store.Append{Identities: identities, Event: e.Event})
		switch {
		case err != nil:
			t.Fatal(err)
		case refused[0] == nil:
			places[place] = got[0].Position
		}
	}
	now.Store(&moment)
	return l
}

func identityOf(t *testing.T, l *ledgertest.Ledger, p scenario.Person) store.Identity {
	t.Helper()
	tags, err := l.Keys.Tags(consent.Identifier(p))
	if err != nil {
		t.Fatal(err)
	}
	return store.Identity{Tags: tags, Type: p.Type, Plain: true}
}

// corpusAnswer is what the ledger says to one question.
type corpusAnswer struct {
	Decision *bool
	Context  struct {
		Reason   decide.Reason
		Position consent.Position
	}
}

// compareAnswer asks about one person as an officer and as a workload. It reports false for whom the ledger cannot answer like the sidecar.
func compareAnswer(t *testing.T, l *ledgertest.Ledger, o scenario.Outcome, i int) bool {
	t.Helper()
	want, who := o.Got.People[i], o.Named[i]
	if want == decide.LedgerBehind || want == decide.CollectedBeforeConsent || o.Asked.People[i].Unresolved {
		return false
	}
	if len(o.Plan.Tracking) > 0 {
		plain := *o.Plan
		plain.Tracking = nil
		want = plain.Person(o.Asked.People[i].Facts, decide.Collected{}, o.Now).Reason
	}
	var promised []decide.Obligation
	if want != decide.ObligationUnmet {
		promised = []decide.Obligation{ir.AddObjectionNotice, ir.Anonymise}
	}
	grant := l.Grant(ledgertest.Sidecar, "pod-1", time.Minute, o.Plan.Purpose.Name)
	var reasons []decide.Reason
	permitted := true
	for _, p := range o.Plan.Endpoint.Processing {
		officer := ask(t, l, ledgertest.Officer, "", useOf(o.Plan, p, who, promised))
		workload := ask(t, l, ledgertest.Sidecar, grant, useOf(o.Plan, p, who, promised))
		stranger := ask(t, l, ledgertest.Sidecar, grant, useOf(o.Plan, p, nobodyLike(who), promised))
		reasons = append(reasons, officer.Context.Reason)
		permitted = permitted && *officer.Decision
		switch {
		case *officer.Decision != *workload.Decision:
			t.Errorf("%s: %s: %t to an officer, %t to a workload", o.Decision.Name, want, *officer.Decision, *workload.Decision)
		case *workload.Decision && workload.Context.Reason != "":
			t.Errorf("%s: a workload learns that it is %s", o.Decision.Name, workload.Context.Reason)
		case !*workload.Decision && officer.Context.Reason != decide.ObligationUnmet &&
			(workload.Context.Reason != decide.NotPermitted || (!*stranger.Decision && workload.Context != stranger.Context)):
			t.Errorf("%s: %s: a workload learns %+v, and of somebody unknown %+v", o.Decision.Name, want, workload.Context, stranger.Context)
		}
	}
	if permitted != want.Permits() || !slices.Contains(reasons, want) {
		t.Errorf("%s: person %d: %v, want %s", o.Decision.Name, i+1, reasons, want)
	}
	return true
}

// nobodyLike is an identifier of the same sort that nobody knows.
func nobodyLike(who consent.Identifier) consent.Identifier {
	plain := map[consent.IdentifierType]string{
		consent.IdentifierEmail: "nobody-at-all@example.org", consent.IdentifierPhone: "+4930999999", consent.IdentifierCustomer: "nobody", consent.IdentifierDevice: "nobody",
	}
	return consent.Identifier{Type: who.Type, Form: consent.FormPlain, Value: plain[who.Type]}
}

// useOf is the question about a person whom a request is about.
func useOf(p *decide.Plan, processing ir.Processing, who consent.Identifier, promised []decide.Obligation) map[string]any {
	about := map[string]any{"purpose": p.Purpose.Name, "obligations": promised}
	if p.Endpoint.Channel != "" {
		about["channel"] = p.Endpoint.Channel
	}
	if party := p.Service.Party; party.Role != "" {
		about["recipient"] = party
	}
	resource := map[string]any{"type": who.Type, "id": who.Value}
	if who.Form != "" && who.Form != consent.FormPlain {
		resource["properties"] = map[string]any{"form": who.Form}
	}
	return map[string]any{
		"subject": map[string]any{"type": "workload", "id": "shop/mailer"}, "action": map[string]any{"name": processing}, "resource": resource, "context": about,
	}
}

func ask(t *testing.T, l *ledgertest.Ledger, subject, grant string, question map[string]any) (out corpusAnswer) {
	t.Helper()
	body, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	status, text := l.Do(subject, http.MethodPost, "/access/v1/evaluation", string(body), "OptUp-Grant", grant)
	if err := json.Unmarshal([]byte(text), &out); err != nil || status != http.StatusOK || out.Decision == nil {
		t.Fatalf("%s: %d %s", body, status, text)
	}
	return out
}
