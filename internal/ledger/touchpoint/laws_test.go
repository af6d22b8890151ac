package touchpoint_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/touchpoint"
)

// The laws of asking, on random histories. A failure names the seed, with which the same history comes again.

const rounds = 3000

func random(r *rand.Rand, b *ir.Bundle) []consent.Event {
	kinds := []consent.EventType{
		consent.EventGiven, consent.EventGiven, consent.EventGiven, consent.EventConfirmed, consent.EventDisowned, consent.EventWithdrawn, consent.EventCancelled,
		consent.EventRefused, consent.EventDeferred, consent.EventAsked, consent.EventObjected, consent.EventObjectionLifted, consent.EventUsed,
	}
	if r.IntN(6) == 0 {
		kinds = append(kinds, consent.EventRestricted, consent.EventUnrestricted, consent.EventErased, consent.EventSuppressed)
	}
	var out []consent.Event
	for i := range r.IntN(12) {
		n := &b.Notices[r.IntN(len(b.Notices))]
		e := consent.Event{
			Position: consent.Position(i + 1), At: day(i), Type: kinds[r.IntN(len(kinds))], Purpose: n.Purposes[r.IntN(len(n.Purposes))], Notice: n.Name,
			BasedOn: consent.Position(i), Scope: []consent.Scope{consent.ScopeAll, consent.ScopePurpose}[r.IntN(2)],
			Proof: []consent.Proof{consent.ProofNone, consent.ProofMailboxConfirmed}[r.IntN(2)], Actor: consent.ActorPerson,
		}
		if e.Type == consent.EventGiven && r.IntN(4) == 0 {
			e.Pending, e.Proof = true, consent.ProofNone
		}
		out = append(out, e)
	}
	return out
}

func each(t *testing.T, check func(t *testing.T, b *ir.Bundle, a *touchpoint.Asker, p *ir.Touchpoint, r *consent.Record, now time.Time)) {
	t.Helper()
	b := world()
	a := touchpoint.New(b)
	for round := range rounds {
		source := rand.New(rand.NewPCG(uint64(round), 5))
		p := &b.Touchpoints[source.IntN(len(b.Touchpoints))]
		record := consent.Fold(random(source, b))
		now := day(12 + source.IntN(200))
		if source.IntN(2) == 0 {
			now = day(12)
		}
		t.Run(fmt.Sprintf("seed-%d", round), func(t *testing.T) { check(t, b, a, p, record, now) })
		if t.Failed() {
			return
		}
	}
}

// permitted tells whether a decision, consent alone, permits every use of a purpose. It knows nothing of package touchpoint.
func permitted(b *ir.Bundle, id consent.PurposeID, r *consent.Record, now time.Time) bool {
	p := b.Purposes[slices.IndexFunc(b.Purposes, func(p ir.Purpose) bool { return p.Name == id })]
	plan, ok := decide.Share(b, id, p.Processing[0])
	return ok && plan.Person(func(q consent.PurposeID) consent.Fact { return consent.Project(r, q, now) }, decide.Collected{}, decide.Now{Ledger: now}).Permit()
}

func notice(b *ir.Bundle, name consent.NoticeID) *ir.Notice {
	return &b.Notices[slices.IndexFunc(b.Notices, func(n ir.Notice) bool { return n.Name == name })]
}

func TestNobodyIsAskedForWhatIsPermitted(t *testing.T) {
	asked, permits := 0, 0
	each(t, func(t *testing.T, b *ir.Bundle, a *touchpoint.Asker, p *ir.Touchpoint, r *consent.Record, now time.Time) {
		q := a.Next(p, r, now).Question
		for _, id := range []consent.PurposeID{"newsletter", "profiling", "upload", "calls"} {
			if permitted(b, id, r, now) {
				permits++
			}
		}
		if q == nil {
			return
		}
		asked++
		if len(q.Purposes) == 0 {
			t.Fatalf("asked for nothing: %+v", q)
		}
		if len(notice(b, q.Notice).Recipients) > 0 {
			return // it may name somebody whom what is permitted does not
		}
		for _, id := range q.Purposes {
			if permitted(b, id, r, now) {
				t.Errorf("asked for %s, which is permitted: %+v", id, r)
			}
		}
	})
	if asked < rounds/4 || permits < rounds/4 {
		t.Errorf("%d asked, %d permitted: too few to tell anything", asked, permits)
	}
}

func TestNobodyIsAskedWithinTheCoolDown(t *testing.T) {
	held := 0
	each(t, func(t *testing.T, b *ir.Bundle, a *touchpoint.Asker, p *ir.Touchpoint, r *consent.Record, now time.Time) {
		q := a.Next(p, r, now).Question
		for _, ask := range r.Asks {
			days := map[consent.AskStatus]int{consent.AskRefused: p.CoolDownDays, consent.AskDeferred: p.DeferDays}[ask.Status]
			if days == 0 || !now.Before(ask.At.AddDate(0, 0, days)) {
				continue
			}
			later := func(g consent.Grant) bool {
				return g.Purpose == ask.Purpose && g.Position > ask.Position && g.Status != consent.StatusPending
			}
			if slices.ContainsFunc(r.Grants, later) {
				continue
			}
			held++
			if q != nil && slices.Contains(notice(b, q.Notice).Purposes, ask.Purpose) {
				t.Errorf("%s was %s at %s and is asked for by %s at %s", ask.Purpose, ask.Status, ask.At, q.Notice, now)
			}
		}
	})
	if held < rounds/10 {
		t.Errorf("%d refusals: too few to tell anything", held)
	}
}

func TestAskingTwiceGivesTheSame(t *testing.T) {
	each(t, func(t *testing.T, b *ir.Bundle, a *touchpoint.Asker, p *ir.Touchpoint, r *consent.Record, now time.Time) {
		before := fmt.Sprintf("%+v", r)
		first := a.Next(p, r, now)
		if again := touchpoint.New(b).Next(p, r, now); !reflect.DeepEqual(first, again) {
			t.Errorf("first %+v, then %+v", first, again)
		}
		if fmt.Sprintf("%+v", r) != before {
			t.Error("asking changed the record")
		}
	})
}

// TestEveryAnswerMakesProgress: whatever a person answers, the same is not asked again, and the questions come to an end.
func TestEveryAnswerMakesProgress(t *testing.T) {
	steps := 0
	each(t, func(t *testing.T, b *ir.Bundle, a *touchpoint.Asker, p *ir.Touchpoint, r *consent.Record, now time.Time) {
		source := rand.New(rand.NewPCG(uint64(r.Position), uint64(len(r.Grants))))
		seen := map[consent.NoticeID]bool{}
		for range len(p.Offers()) + 1 {
			q := a.Next(p, r, now).Question
			if q == nil {
				return
			}
			if seen[q.Notice] {
				t.Fatalf("%s is asked for again after it was answered: %+v", q.Notice, r)
			}
			seen[q.Notice] = true
			steps++
			kind := []consent.EventType{consent.EventGiven, consent.EventGiven, consent.EventRefused, consent.EventDeferred}[source.IntN(4)]
			for _, id := range q.Purposes {
				r.Apply(consent.Event{
					Position: r.Position + 1, At: now, Type: kind, Purpose: id, Notice: q.Notice, Actor: consent.ActorPerson, Proof: p.Confirmation.Proof,
					BasedOn: r.Position, Touchpoint: p.Name,
				})
			}
		}
		t.Fatalf("it never ends: %+v", r)
	})
	if steps < rounds/2 {
		t.Errorf("%d questions: too few to tell anything", steps)
	}
}

// TestARestrictionNeverBringsAQuestion: whatever restricts leads to fewer questions, or to the same.
func TestARestrictionNeverBringsAQuestion(t *testing.T) {
	each(t, func(t *testing.T, _ *ir.Bundle, a *touchpoint.Asker, p *ir.Touchpoint, r *consent.Record, now time.Time) {
		before := a.Next(p, r, now).Question
		for _, e := range []consent.EventType{consent.EventRestricted, consent.EventSuppressed} {
			x := *r
			x.Apply(consent.Event{Position: r.Position + 1, At: now, Type: e, Actor: consent.ActorPerson})
			after := a.Next(p, &x, now).Question
			if after != nil && (before == nil || e == consent.EventRestricted) {
				t.Errorf("after %s: %+v", e, after)
			}
		}
	})
}
