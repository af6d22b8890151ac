package touchpoint

import (
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// Asker knows what the wordings of one bundle lead to. It is safe for concurrent use.
type Asker struct {
	bundle   *ir.Bundle
	index    *decide.Index
	notices  map[consent.NoticeID]*ir.Notice
	purposes map[consent.PurposeID]*ir.Purpose
	// plans are all uses of a purpose that consent could carry.
	plans map[consent.PurposeID][]*decide.Plan
}

// New prepares a bundle, which must not change any more.
func New(b *ir.Bundle) *Asker {
	a := &Asker{
		bundle: b, index: decide.NewIndex(b), notices: map[consent.NoticeID]*ir.Notice{}, purposes: map[consent.PurposeID]*ir.Purpose{},
		plans: map[consent.PurposeID][]*decide.Plan{},
	}
	for i := range b.Notices {
		a.notices[b.Notices[i].Name] = &b.Notices[i]
	}
	for i := range b.Purposes {
		p := &b.Purposes[i]
		a.purposes[p.Name] = p
		for _, x := range p.Processing {
			channels := []consent.Channel{""}
			if x == ir.ProcessingSend {
				channels = p.Channels
			}
			for _, c := range channels {
				if plan, ok := a.index.Agreed(p.Name, x, c); ok {
					a.plans[p.Name] = append(a.plans[p.Name], plan)
				}
			}
		}
	}
	return a
}

// leads gives the uses of a purpose that agreeing to a wording would permit, proven as a touchpoint proves it; none if it is of no use.
func (a *Asker) leads(t *ir.Touchpoint, n *ir.Notice, p *ir.Purpose, now time.Time) []*decide.Plan {
	proof := consent.ProofNone
	switch {
	case t.Confirmation != nil:
		proof = t.Confirmation.Proof
	case len(p.Proofs) > 0:
		proof = p.Proofs[0] // it brings evidence of its own
	}
	g := consent.Grant{Position: 1, Purpose: p.Name, Notice: n.Name, Status: consent.StatusGiven, Proof: proof, Since: now}
	var out []*decide.Plan
	for _, plan := range a.plans[p.Name] {
		if carries(plan, consent.Fact{}, g, now) {
			out = append(out, plan)
		}
	}
	return out
}

// carries tells whether one grant carries a use, whatever else stands against using the person's data.
func carries(p *decide.Plan, f consent.Fact, g consent.Grant, now time.Time) bool {
	f.Grants, f.Restricted, f.Suppressed, f.Ambiguous = []consent.Grant{g}, false, 0, false
	return p.Person(func(consent.PurposeID) consent.Fact { return f }, decide.Collected{}, decide.Now{Ledger: now}).Permit()
}

// agreed tells whether all that agreeing to a wording would permit for a purpose is permitted already by the grants that count.
func (a *Asker) agreed(leads []*decide.Plan, n *ir.Notice, p *ir.Purpose, r *consent.Record, now time.Time, counts func(*consent.Grant) (consent.Grant, bool)) bool {
	f := consent.Project(r, p.Name, now)
	var grants []consent.Grant
	for i := range f.Grants {
		if g, ok := counts(&f.Grants[i]); ok && wide(a.notices[g.Notice], n) {
			grants = append(grants, g)
		}
	}
	for _, plan := range leads {
		if !slices.ContainsFunc(grants, func(g consent.Grant) bool { return carries(plan, f, g, now) }) {
			return false
		}
	}
	return true
}

// wide tells whether one wording names everybody and everything that another names. Processing and channels are for decide to compare.
func wide(m, n *ir.Notice) bool {
	return m != nil && within(n.Recipients, m.Recipients) && within(n.Advertisers, m.Advertisers) && within(n.Transfers, m.Transfers) &&
		within(n.Special, m.Special) && (len(m.Goods) == 0 || (len(n.Goods) > 0 && within(n.Goods, m.Goods))) && (m.EarlierData || !n.EarlierData)
}

func within[T comparable](some, all []T) bool {
	return !slices.ContainsFunc(some, func(x T) bool { return !slices.Contains(all, x) })
}

func standing(g *consent.Grant) (consent.Grant, bool) { return *g, true }

// confirmed looks at a grant that waits as if it were confirmed, as long as it can be.
func (a *Asker) confirmed(p *ir.Purpose, now time.Time) func(*consent.Grant) (consent.Grant, bool) {
	return func(g *consent.Grant) (consent.Grant, bool) {
		waits := *g
		if g.Status != consent.StatusPending || !now.Before(g.Since.Add(a.patience(g.Touchpoint))) {
			return waits, false
		}
		waits.Status = consent.StatusGiven
		if len(p.Proofs) > 0 {
			waits.Proof = p.Proofs[0]
		}
		return waits, true
	}
}

// defaultPatience is how long a grant waits where nobody says how long.
const defaultPatience = 72 * time.Hour

// patience is how long people may take to confirm at a touchpoint.
func (a *Asker) patience(touchpoint string) time.Duration {
	for i := range a.bundle.Touchpoints {
		if t := &a.bundle.Touchpoints[i]; t.Name == touchpoint && t.Confirmation != nil {
			return time.Duration(t.Confirmation.ValidForHours) * time.Hour
		}
	}
	return defaultPatience
}

// advertisedTo tells whether a person may be advertised to by a channel on the strength of a consent.
func (a *Asker) advertisedTo(c consent.Channel, r *consent.Record, now time.Time) bool {
	for i := range a.bundle.Purposes {
		p := &a.bundle.Purposes[i]
		if p.Objection != ir.ObjectionDirectMarketing {
			continue
		}
		for _, plan := range a.plans[p.Name] {
			facts := func(consent.PurposeID) consent.Fact { return consent.Project(r, p.Name, now) }
			if plan.Endpoint.Channel == c && plan.Person(facts, decide.Collected{}, decide.Now{Ledger: now}).Permit() {
				return true
			}
		}
	}
	return false
}
