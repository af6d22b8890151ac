package share

import (
	"cmp"
	"fmt"
	"math/bits"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// TooFew stands in place of a share where a count is left out.
const TooFew = "<10 people"

// Figures are one edition of what is told about people. It is complete and never changes; a later one takes its place.
//
// Every count of people is a multiple of 10, rounded down, and left out below 10; shares are those of the rounded counts. So no sum or
// difference of counts is between 1 and 9. Splits are of one whole each and do not overlap: who is permitted by ground, a ground by
// touchpoint, who is not permitted by reason; what is hidden in one does not follow from the rest (see split). And a new edition comes
// out only after a while, and once 10 people stand otherwise: who compares editions learns about no single person either.
type Figures struct {
	// Position and At are how far events and time are taken into account, Generation is that of the bundle that was counted with.
	Position   consent.Position `json:"position"`
	At         time.Time        `json:"at"`
	Generation int64            `json:"generation,omitempty"`
	// People is how many people the ledger knows, Population of how many the shares are.
	People     *int64 `json:"people,omitempty"`
	Population *int64 `json:"population,omitempty"`
	// Fields is the share of data that may be used for anything at all: of all pairs of a person and a category of data that the
	// controller's purposes name, those that some permitted purpose needs. Empty where no categories are named.
	Fields   string    `json:"fields,omitempty"`
	Shares   []Share   `json:"shares"`
	Purposes []Purpose `json:"purposes"`
}

// Share is the usable share of one purpose and processing.
type Share struct {
	Purpose    consent.PurposeID `json:"purpose"`
	Processing ir.Processing     `json:"processing"`
	Permitted  *int64            `json:"permitted,omitempty"`
	Population *int64            `json:"population,omitempty"`
	// Share is text for people, for example 34.1%, or <10 people where a count is left out.
	Share string `json:"share"`
	// Fields is the same, each person weighted by the categories of data that the purpose needs, of all that the controller's purposes
	// name. Empty for a purpose that names none.
	Fields string `json:"fields,omitempty"`
	// Grounds split who is permitted, Reasons who is not.
	Grounds []Ground `json:"grounds,omitempty"`
	Reasons []Part   `json:"reasons,omitempty"`
}

// Ground is what permits the use of some people's data. Consent is split by where it was given.
type Ground struct {
	Part
	Touchpoints []Part `json:"touchpoints,omitempty"`
}

// Part is one part of a split. The one called others holds what is not told apart.
type Part struct {
	Name   string `json:"name"`
	People int64  `json:"people"`
}

// Purpose is about a purpose with all of its processing.
type Purpose struct {
	Purpose consent.PurposeID `json:"purpose"`
	// Headroom is how many people lack some of the purpose and may lawfully be asked for it; Reachable are those of them who may be
	// written to for advertising, so that the question can go to them. Both are left out below 10.
	Headroom  *int64 `json:"headroom,omitempty"`
	Reachable *int64 `json:"reachable,omitempty"`
}

const (
	// others is the name of the part that holds what is not told apart, and none that of what has no name.
	others = "others"
	none   = "none"
)

// tally is what one edition counts: people by the way in which they stand.
type tally struct {
	counts   []int64
	people   int64
	position consent.Position
	at       time.Time
}

func (p *people) tally() tally {
	return tally{counts: append([]int64(nil), p.counts...), people: p.total, position: p.position, at: p.now}
}

// figures tells what may be told. Declared is the registered population: those of it whom the ledger does not know count as what they
// are, people without a record. Where more people are known than were declared, the known ones are the population.
func (w *ways) figures(t tally, declared, generation int64) *Figures {
	population := max(declared, t.people)
	c := newCounter(w)
	never := c.way(&consent.Record{}, "", t.at)
	counts := append([]int64(nil), t.counts...)
	for int(never) >= len(counts) {
		counts = append(counts, 0)
	}
	counts[never] += population - t.people
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.rules
	f := &Figures{
		Position: t.position, At: t.at, Generation: generation, People: enough(t.people), Population: enough(population),
		Shares: make([]Share, 0, len(x.plans)), Purposes: []Purpose{},
	}
	for i := range x.plans {
		f.Shares = append(f.Shares, w.share(i, counts, population))
	}
	for i := range x.bundle.Purposes {
		if p, ok := w.purpose(i, counts); ok {
			f.Purposes = append(f.Purposes, p)
		}
	}
	f.Fields = w.fields(counts, population)
	return f
}

func (w *ways) share(plan int, counts []int64, population int64) Share {
	x := w.rules
	s := Share{Purpose: x.plans[plan].Purpose.Name, Processing: x.plans[plan].Endpoint.Processing[0], Share: TooFew}
	byOutcome := map[uint16]int64{}
	for id, n := range counts {
		if n > 0 {
			byOutcome[w.all[id].outcomes[plan]] += n
		}
	}
	var permitted, denied int64
	grounds, places, reasons := sums{}, map[string]sums{}, sums{}
	for o, n := range byOutcome {
		one := &w.outcomes[o]
		if !one.reason.Permits() {
			denied += n
			reasons[string(one.reason)] += n
			continue
		}
		permitted += n
		grounds[string(one.ground)] += n
		if places[string(one.ground)] == nil {
			places[string(one.ground)] = sums{}
		}
		places[string(one.ground)][cmp.Or(one.touchpoint, none)] += n
	}
	s.Permitted, s.Population = enough(permitted), enough(population)
	if s.Permitted != nil && s.Population != nil {
		s.Share = percent(*s.Permitted, *s.Population)
		if needs := weightOf(x.data[plan]); needs > 0 {
			s.Fields = percent(*s.Permitted*int64(needs), *s.Population*int64(x.categories))
		}
		for _, g := range grounds.parts() {
			s.Grounds = append(s.Grounds, Ground{Part: g, Touchpoints: places[g.Name].named()})
		}
	}
	if denied >= Step {
		s.Reasons = reasons.parts()
	}
	return s
}

func (w *ways) purpose(purpose int, counts []int64) (Purpose, bool) {
	x := w.rules
	if len(x.questions[purpose].plans) == 0 {
		return Purpose{}, false
	}
	var headroom, reachable int64
	for id, n := range counts {
		if n == 0 {
			continue
		}
		one := &w.all[id]
		for i := range x.plans {
			if x.about[i] == purpose && one.asks[i] == may && !w.outcomes[one.outcomes[i]].reason.Permits() {
				headroom += n
				if one.reachable {
					reachable += n
				}
				break
			}
		}
	}
	return Purpose{Purpose: x.bundle.Purposes[purpose].Name, Headroom: enough(headroom), Reachable: enough(reachable)}, true
}

// fields counts pairs of a person and a category. It is told in steps of 10 people of whom everything may be used.
func (w *ways) fields(counts []int64, population int64) string {
	all := int64(w.rules.categories)
	if all == 0 {
		return ""
	}
	var pairs, some int64
	for id, n := range counts {
		if weight := int64(w.all[id].weight); n > 0 && weight > 0 {
			pairs, some = pairs+n*weight, some+n
		}
	}
	if some < Step || population < Step {
		return TooFew
	}
	return percent(pairs-pairs%(Step*all), tens(population)*all)
}

// enough rounds, and leaves out what is about fewer than 10 people.
func enough(n int64) *int64 {
	if n = tens(n); n < Step {
		return nil
	}
	return &n
}

func percent(part, whole int64) string {
	return fmt.Sprintf("%.1f%%", 100*float64(part)/float64(whole))
}

func weightOf(set []uint64) (n int) {
	for _, s := range set {
		n += bits.OnesCount64(s)
	}
	return n
}

// sums are counts by name.
type sums map[string]int64

func (s sums) parts() []Part {
	all := make([]part, 0, len(s))
	for name, n := range s {
		all = append(all, part{name, n})
	}
	shown, rest := split(all)
	var out []Part
	for _, p := range shown {
		out = append(out, Part{p.label, p.n})
	}
	if rest > 0 {
		out = append(out, Part{others, rest})
	}
	return out
}

// named are the parts, unless none has a name.
func (s sums) named() []Part {
	parts := s.parts()
	if len(parts) == 1 && parts[0].Name == none {
		return nil
	}
	return parts
}
