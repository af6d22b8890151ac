package ours

import (
	"fmt"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/test/bench/people"
)

// Table is a population in the sidecar's table, with what is decided about it.
type Table struct {
	Facts *facts.Table
	plans [people.Purposes]*decide.Plan
}

// Build fills a table with a population, as a snapshot does: combinations first, then who has which. tag gives the tag of a person.
func Build(p people.Population, tag func(i int) consent.Tag) (*Table, error) {
	t := &Table{Facts: facts.New()}
	for n := range t.plans {
		var err error
		if t.plans[n], err = planOf(n); err != nil {
			return nil, err
		}
	}
	l := t.Facts.Load()
	in := interner{loader: l, numbers: map[people.Person]uint32{}}
	tags, numbers := make([]consent.Tag, 0, batch), make([]uint32, 0, batch)
	for i := range p.Count {
		number, err := in.number(p.Person(i))
		if err != nil {
			return nil, err
		}
		tags, numbers = append(tags, tag(i)), append(numbers, number)
		if len(tags) == batch || i == p.Count-1 {
			if err := l.Add(tags, numbers); err != nil {
				return nil, err
			}
			tags, numbers = tags[:0], numbers[:0]
		}
	}
	if err := l.Finish(); err != nil {
		return nil, err
	}
	if got := t.Facts.Len(); got != p.Count {
		return nil, fmt.Errorf("the table has %d identifiers, not %d", got, p.Count)
	}
	return t, nil
}

// batch is how many people are added at once, and asked about at once.
const batch = 1000

// interner numbers combinations of facts, as a ledger does. Hardly two people with times have the same ones.
type interner struct {
	loader  *facts.Loader
	numbers map[people.Person]uint32
	content []byte
	next    uint32
}

func (in *interner) number(p people.Person) (uint32, error) {
	timed := !p.Since.IsZero()
	if !timed {
		if n, ok := in.numbers[p]; ok {
			return n, nil
		}
	}
	in.content = facts.Encode(in.content[:0], Reduced(&p))
	if err := in.loader.Define(in.content); err != nil {
		return 0, err
	}
	n := in.next
	in.next++
	if !timed {
		in.numbers[p] = n
	}
	return n, nil
}

// Bundle is what a workload may do: show people, for each of the purposes.
func Bundle() *ir.Bundle {
	shows := []ir.Processing{ir.ProcessingShow}
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: "shop", Workload: "Deployment/mailer", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 30_000,
	}
	service := ir.Service{
		Name: "crm/customers", Hosts: []string{"crm.example"}, Ports: []ir.Port{{Port: 80, Protocol: "HTTP"}}, Party: ir.Party{Role: ir.RoleProcessor},
	}
	for n := range people.Purposes {
		p := ir.Purpose{
			Name: people.Purpose(n), Controller: people.Controller, Grounds: []ir.Ground{ir.GroundConsent}, Processing: shows,
			Categories: []string{"contact"}, Objection: ir.ObjectionDirectMarketing, Proofs: []consent.Proof{consent.ProofMailboxConfirmed},
		}
		if n == people.Purposes-1 {
			p.ValidForDays = people.ValidForDays
		}
		b.Purposes = append(b.Purposes, p)
		b.Notices = append(b.Notices, ir.Notice{
			Name: people.Notice(n), Series: string(p.Name), Version: 1, Controller: people.Controller, Purposes: []consent.PurposeID{p.Name}, Processing: shows,
		})
		name := fmt.Sprintf("people-%d", n)
		service.Endpoints = append(service.Endpoints, ir.Endpoint{
			Name: name, Methods: []string{"GET"}, Path: fmt.Sprintf("/v1/%d/{who}", n), Processing: shows,
			Segments: []ir.PathSegment{{Name: "who", Person: ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain}}},
		})
		b.Rules = append(b.Rules, ir.Rule{
			Policy: "shop/mailer/" + name, Purpose: p.Name, Service: service.Name, Endpoints: []string{name},
			OnMissing: ir.OnMissingDeny, OnEmpty: ir.OnEmptyDeny, Mode: ir.ModeEnforce,
		})
	}
	b.Services = []ir.Service{service}
	return b
}

// planOf finds the plan of a request about a purpose.
func planOf(n int) (*decide.Plan, error) {
	x := decide.NewIndex(Bundle())
	e, reason := x.Endpoint("GET", "crm.example", 80, fmt.Sprintf("/v1/%d/somebody", n))
	if reason != "" {
		return nil, fmt.Errorf("no endpoint: %s", reason)
	}
	p, reason := x.Plan(e, nil)
	if reason != "" {
		return nil, fmt.Errorf("no plan: %s", reason)
	}
	return p, nil
}

// now is the moment of all decisions, with fresh facts.
var now = decide.Now{Ledger: people.Now}
