package decide_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
)

// The laws of linked identities, on random histories of several of them.

// people are identities of every type, of whom some belong together.
type people struct {
	r     *rand.Rand
	links *consent.Links
	next  consent.Position
}

var kindsOfIdentity = []consent.IdentifierType{
	consent.IdentifierEmail, consent.IdentifierCustomer, consent.IdentifierDevice, consent.IdentifierPhone, consent.IdentifierEmail, consent.IdentifierDevice,
}

func newPeople(r *rand.Rand) *people {
	var members []consent.Member
	for i, kind := range kindsOfIdentity[:3+r.IntN(4)] {
		members = append(members, consent.Member{ID: int64(i + 1), Type: kind, Record: &consent.Record{}})
	}
	p := &people{r: r, links: consent.NewLinks(members, nil), next: 1}
	kinds := slices.Concat(others, others, asking, restricting)
	for range 4 + r.IntN(12) {
		p.act(pick(r, kinds), p.some(1+r.IntN(3)/2)...)
	}
	return p
}

// act appends an event, if it is admitted.
func (p *people) act(kind consent.EventType, named ...int64) bool {
	e := event(p.r, kind, p.next)
	e.At = start.AddDate(0, 0, 2*int(p.next))
	return p.append(e, named...)
}

func (p *people) append(e consent.Event, named ...int64) bool {
	after, err := p.links.Append(e, named)
	if err != nil {
		return false
	}
	p.links = after.Links
	p.next++
	return true
}

func (p *people) some(n int) []int64 {
	all := make([]int64, len(p.links.Members()))
	for i, m := range p.links.Members() {
		all[i] = m.ID
	}
	p.r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:n]
}

func (p *people) link(named ...int64) bool {
	return p.append(consent.Event{Type: consent.EventLinked, Position: p.next, At: start.AddDate(0, 0, 2*int(p.next))}, named...)
}

// each visits every verdict about every identity.
func (p *people) each(plans map[consent.PurposeID]*decide.Plan, visit func(id int64, purpose consent.PurposeID, v decide.Verdict)) {
	for _, m := range p.links.Members() {
		for _, purpose := range purposes {
			visit(m.ID, purpose, verdict(plans[purpose], p.links.Effective(m.ID), moment))
		}
	}
}

type asked struct {
	id      int64
	purpose consent.PurposeID
}

func (p *people) verdicts(plans map[consent.PurposeID]*decide.Plan) map[asked]decide.Reason {
	out := map[asked]decide.Reason{}
	p.each(plans, func(id int64, purpose consent.PurposeID, v decide.Verdict) { out[asked{id, purpose}] = v.Reason })
	return out
}

// permits tells whether anything is permitted that has to be.
func permits(all map[asked]decide.Reason) bool {
	for who, reason := range all {
		if reason.Permits() && who.purpose != "invoice" {
			return true
		}
	}
	return false
}

func TestALinkNeverPermitsMore(t *testing.T) {
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		p := newPeople(r)
		before := p.verdicts(plans)
		named := p.some(2 + r.IntN(2))
		p.link(named...)
		for who, is := range p.verdicts(plans) {
			if was := before[who]; is.Permits() && !was.Permits() && was != decide.IdentityAmbiguous {
				return false, fmt.Sprintf("%v: %s became %s by linking %v", who, was, is, named)
			}
		}
		return permits(before), ""
	})
}

func TestTheOrderOfLinksDoesNotMatter(t *testing.T) {
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		p := newPeople(r)
		var acts [][]int64
		for range 2 + r.IntN(4) {
			acts = append(acts, p.some(2+r.IntN(3)/2))
		}
		unlinked, next := p.links, p.next
		together := func() (map[asked]decide.Reason, []int64) {
			p.links, p.next = unlinked, next
			for _, named := range acts {
				p.link(named...)
			}
			var groups []int64
			for _, m := range p.links.Members() {
				groups = append(groups, p.links.Group(m.ID))
			}
			return p.verdicts(plans), groups
		}
		one, groups := together()
		r.Shuffle(len(acts), func(i, j int) { acts[i], acts[j] = acts[j], acts[i] })
		for i := range acts {
			r.Shuffle(len(acts[i]), func(j, k int) { acts[i][j], acts[i][k] = acts[i][k], acts[i][j] })
		}
		other, others := together()
		for who, reason := range one {
			if other[who] != reason {
				return false, fmt.Sprintf("%v: %s in one order, %s in another: %v", who, reason, other[who], acts)
			}
		}
		if !slices.Equal(groups, others) {
			return false, fmt.Sprintf("people %v in one order, %v in another", groups, others)
		}
		return permits(one), ""
	})
}

func TestUnlinkingRestoresWhatWas(t *testing.T) {
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		p := newPeople(r)
		before := map[int64]consent.Record{}
		for _, m := range p.links.Members() {
			before[m.ID] = *p.links.Effective(m.ID)
		}
		links := p.links.Links()
		named := p.some(2)
		if p.link(named...); len(p.links.Links()) == len(links) {
			return true, "" // an earlier act names both, and would be undone, too
		}
		// Events of either identity in between stay with it.
		p.append(consent.Event{Type: consent.EventUnlinked, Position: p.next}, named...)
		if slices.ContainsFunc(links, func(k consent.Link) bool { return !slices.Contains(p.links.Links(), k) }) {
			return true, "" // an act of more than these two named both
		}
		for id, was := range before {
			is := *p.links.Effective(id)
			is.Position = was.Position
			if !reflect.DeepEqual(is, was) {
				return false, fmt.Sprintf("%d: %+v became %+v", id, was, is)
			}
		}
		return permits(p.verdicts(plans)), ""
	})
}

func TestAWithdrawalReachesEveryIdentityOfThePerson(t *testing.T) {
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		p := newPeople(r)
		p.link(p.some(2 + r.IntN(2))...)
		before := p.verdicts(plans)
		who, purpose := p.some(1)[0], pick(r, purposes[:3])
		e := consent.Event{Type: consent.EventWithdrawn, Position: p.next, At: start.AddDate(0, 0, 2*int(p.next)), Purpose: purpose}
		if !p.append(e, who) {
			return false, "a withdrawal was refused"
		}
		if r.IntN(2) == 0 { // linked later, it reaches just as far
			p.link(p.some(2)...)
		}
		for _, id := range p.links.Person(who) {
			if v := verdict(plans[purpose], p.links.Effective(id), moment); v.Permit() {
				return false, fmt.Sprintf("%s is %s under %d after it was withdrawn under %d", purpose, v.Reason, id, who)
			}
		}
		return permits(before), ""
	})
}

func TestARestrictionUnderOneIdentityNeverPermitsMoreUnderAnother(t *testing.T) {
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		p := newPeople(r)
		p.link(p.some(2 + r.IntN(2))...)
		before := p.verdicts(plans)
		named := p.some(1 + r.IntN(2))
		if !p.act(pick(r, restricting), named...) {
			return false, "a restriction was refused"
		}
		for who, is := range p.verdicts(plans) {
			if was := before[who]; is.Permits() && !was.Permits() && was != decide.IdentityAmbiguous {
				return false, fmt.Sprintf("%v: %s became %s by a restriction of %v", who, was, is, named)
			}
		}
		return permits(before), ""
	})
}

// TestAPermissionStaysWithTheIdentitiesThatItNames: nothing that permits does so under an identity that it does not name. Lifting is
// something else: what restricted others because it was linked ends for them, too.
func TestAPermissionStaysWithTheIdentitiesThatItNames(t *testing.T) {
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		p := newPeople(r)
		before := p.verdicts(plans)
		named := p.some(1 + r.IntN(2))
		for _, m := range p.links.Members() {
			if m.Record.Suppressed != 0 {
				return true, "" // a proven act ends that, wherever it counted
			}
		}
		p.act(pick(r, []consent.EventType{
			consent.EventGiven, consent.EventConfirmed, consent.EventRenewed, consent.EventWidened, consent.EventRelationship, consent.EventAttribute, consent.EventUsed,
		}), named...)
		after := p.verdicts(plans)
		for who, is := range after {
			if was := before[who]; is.Permits() && !was.Permits() && was != decide.IdentityAmbiguous && !slices.Contains(named, who.id) {
				return false, fmt.Sprintf("%v: %s became %s by an act of %v", who, was, is, named)
			}
		}
		return permits(after), ""
	})
}

// TestALaterLinkBringsWithdrawalsThatNobodyKnewOf: whatever position a grant names, it did not know of a withdrawal under an identifier that
// nobody had connected with it.
func TestALaterLinkBringsWithdrawalsThatNobodyKnewOf(t *testing.T) {
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		p := newPeople(r)
		who, purpose := p.some(1)[0], pick(r, purposes[:3])
		p.append(consent.Event{Type: consent.EventWithdrawn, Position: p.next, At: start.AddDate(0, 0, 2*int(p.next)), Purpose: purpose}, who)
		no := p.next - 1
		var before []int64 // whoever is connected with it already
		for _, m := range p.links.Members() {
			known := p.links.Effective(m.ID)
			if slices.ContainsFunc(slices.Concat(known.Noes, known.Inherited), func(n consent.No) bool { return n.Position == no }) {
				before = append(before, m.ID)
			}
		}
		for _, m := range p.links.Members() {
			if !slices.Contains(before, m.ID) {
				p.append(consent.Event{
					Type: consent.EventGiven, Position: p.next, At: start.AddDate(0, 0, 2*int(p.next)), Purpose: purpose, Notice: consent.NoticeID(purpose),
					Proof: consent.ProofMailboxConfirmed, Actor: consent.ActorPerson, BasedOn: p.next - 1,
				}, m.ID)
			}
		}
		permitted := permits(p.verdicts(plans))
		p.link(who, p.some(1)[0])
		for _, id := range p.links.Person(who) {
			if v := verdict(plans[purpose], p.links.Effective(id), moment); v.Permit() && !slices.Contains(before, id) {
				return false, fmt.Sprintf("%s is %s under %d, which was linked with %d after it was withdrawn there", purpose, v.Reason, id, who)
			}
		}
		return permitted, ""
	})
}
