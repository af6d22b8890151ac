package share

import (
	"math/bits"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// coolDown is how long somebody who refused is not counted among those who may be asked again: what a Touchpoint that says nothing has.
const coolDown = 180 * 24 * time.Hour

// rules are a bundle prepared for counting.
type rules struct {
	bundle *ir.Bundle
	plans  []*decide.Plan
	// about tells for each plan which of the bundle's purposes it is for.
	about  []int
	number map[consent.PurposeID]int
	// questions are what people would be asked, for each purpose.
	questions []question
	// categories are all that the controller's purposes name; data holds for each plan which of them its purpose needs.
	categories int
	data       [][]uint64
}

// question is an act that a person could do: to agree to wordings, of a purpose and of the one that allows access to the device.
// It has no plans where there is nothing to agree to.
type question struct {
	plans    []*decide.Plan
	wordings map[consent.PurposeID]consent.NoticeID
	proofs   map[consent.PurposeID]consent.Proof
}

func newRules(b *ir.Bundle) *rules {
	x := &rules{bundle: b, number: map[consent.PurposeID]int{}, questions: make([]question, len(b.Purposes))}
	categories := map[string]int{}
	for i := range b.Purposes {
		p := &b.Purposes[i]
		x.number[p.Name] = i
		var plans []*decide.Plan
		for _, processing := range p.Processing {
			if plan, ok := decide.Share(b, p.Name, processing); ok {
				plans = append(plans, plan)
			}
		}
		if len(plans) == 0 {
			continue
		}
		var needs []uint64
		for _, c := range p.Categories {
			n, ok := categories[c]
			if !ok {
				n = len(categories)
				categories[c] = n
			}
			for len(needs) <= n/64 {
				needs = append(needs, 0)
			}
			needs[n/64] |= 1 << (n % 64)
		}
		for range plans {
			x.about, x.data = append(x.about, i), append(x.data, needs)
		}
		x.plans = append(x.plans, plans...)
		x.questions[i] = newQuestion(b, p, plans)
	}
	x.categories = len(categories)
	return x
}

// newQuestion finds the wordings that permit most to somebody about whom nothing else stands in the way.
func newQuestion(b *ir.Bundle, p *ir.Purpose, plans []*decide.Plan) question {
	if !slices.ContainsFunc(p.Grounds, func(g ir.Ground) bool { return g == ir.GroundConsent || g == ir.GroundSpecialCategoryConsent }) {
		return question{}
	}
	q := question{proofs: map[consent.PurposeID]consent.Proof{p.Name: proofOf(p)}}
	access := []consent.NoticeID{""}
	if d := slices.IndexFunc(b.Purposes, func(o ir.Purpose) bool { return o.Name == p.DeviceAccess }); p.DeviceAccess != "" && d >= 0 {
		q.proofs[p.DeviceAccess] = proofOf(&b.Purposes[d])
		access = wordingsOf(b, p.DeviceAccess)
	}
	best := question{}
	ideal := consent.Record{AgeYears: 149, Business: true, Informed: true}
	now := time.Unix(1<<31, 0).UTC()
	for _, own := range wordingsOf(b, p.Name) {
		for _, device := range access {
			try := question{proofs: q.proofs, wordings: map[consent.PurposeID]consent.NoticeID{p.Name: own}}
			if device != "" {
				try.wordings[p.DeviceAccess] = device
			}
			for _, plan := range plans {
				if plan.Person(try.facts(&ideal, now), decide.Collected{}, decide.Now{Ledger: now}).Permit() {
					try.plans = append(try.plans, plan)
				}
			}
			if len(try.plans) > len(best.plans) {
				best = try
			}
		}
	}
	return best
}

func proofOf(p *ir.Purpose) consent.Proof {
	if len(p.Proofs) > 0 {
		return p.Proofs[0]
	}
	return consent.ProofNone
}

func wordingsOf(b *ir.Bundle, p consent.PurposeID) []consent.NoticeID {
	var out []consent.NoticeID
	for i := range b.Notices {
		if slices.Contains(b.Notices[i].Purposes, p) {
			out = append(out, b.Notices[i].Name)
		}
	}
	return out
}

// facts are those of a person who has just agreed, knowing of no "no".
func (q *question) facts(r *consent.Record, now time.Time) decide.Facts {
	return func(purpose consent.PurposeID) consent.Fact {
		f := consent.Project(r, purpose, now)
		if w, ok := q.wordings[purpose]; ok {
			f.Grants = append(slices.Clip(f.Grants), consent.Grant{
				Position: r.Position + 1, Purpose: purpose, Notice: w, Status: consent.StatusGiven, Proof: q.proofs[purpose], Since: now,
			})
		}
		return f
	}
}

// May says whether a person may be asked.
const (
	mayNot byte = iota
	may
	// noSay is what an identity has under which nothing would be won: because several people share it, or nobody is reached under it.
	noSay
)

// mayAsk tells whether a person may be asked for a purpose under which a plan lies, and would then have what the plan needs. Whether the
// person lacks it is another matter.
func (q *question) mayAsk(r *consent.Record, plan *decide.Plan, now time.Time) byte {
	p := plan.Purpose
	switch {
	case r.Ambiguous, !slices.Contains(q.plans, plan):
		return noSay
	case r.Restricted, r.Suppressed != 0:
		return mayNot
	}
	for _, n := range r.Noes {
		if !n.Refusal && (n.Purpose == p.Name || (n.Purpose == p.DeviceAccess && p.DeviceAccess != "")) {
			return mayNot // who took it back is asked only when they come for it themselves
		}
	}
	for _, a := range r.Asks {
		if a.Purpose == p.Name && a.Status == consent.AskRefused && now.Before(a.At.Add(coolDown)) {
			return mayNot
		}
	}
	for i := range r.Grants {
		if g := &r.Grants[i]; g.Purpose == p.Name && g.Status == consent.StatusPending {
			return mayNot // they were asked, and the answer waits for its confirmation
		}
	}
	switch v := plan.Person(q.facts(r, now), decide.Collected{}, decide.Now{Ledger: now}); {
	case v.Permit():
		return may
	case slices.Contains([]decide.Reason{decide.Objected, decide.Withdrawn, decide.NoGrant, decide.DeviceAccessNotAllowed}, v.Reason):
		return mayNot // the person said no, under whichever identifier
	default:
		return noSay
	}
}

// weight counts the categories of data that some of the plans need.
func (x *rules) weight(permitted func(plan int) bool) int {
	all := make([]uint64, (x.categories+63)/64)
	for i := range x.plans {
		if permitted(i) {
			for w, set := range x.data[i] {
				all[w] |= set
			}
		}
	}
	n := 0
	for _, set := range all {
		n += bits.OnesCount64(set)
	}
	return n
}

// reaches tells whether somebody is reached by a channel under an identifier of a type. The e-mail address is the thread that ties a
// person together and a customer number stands for all that the controller knows of the person; a telephone is no mailbox, and a device is
// none of them. Where nobody is reached, and for a type that is not known, it does not matter.
func reaches(channel consent.Channel, kind consent.IdentifierType) bool {
	switch kind {
	case consent.IdentifierEmail:
		return channel != consent.ChannelPhone && channel != consent.ChannelSMS
	case consent.IdentifierPhone:
		return channel != consent.ChannelEmail
	case consent.IdentifierDevice:
		return channel == "" || channel == consent.ChannelWeb
	case consent.IdentifierCustomer:
		return true
	default:
		return true
	}
}
