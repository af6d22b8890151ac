package decide_test

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
)

// reduced gives facts as they come after reduction; times are kept for those purposes.
func reduced(rec *consent.Record, now decide.Now, times ...consent.PurposeID) decide.Facts {
	return func(q consent.PurposeID) consent.Fact {
		f, known := decide.Reduce(consent.Project(rec, q, now.Ledger), slices.Contains(times, q))
		if !known {
			return consent.Fact{}
		}
		return f
	}
}

func randomNow(r *rand.Rand) decide.Now {
	switch r.IntN(8) {
	case 0:
		return decide.Never
	case 1:
		return decide.Now{Ledger: start.AddDate(0, 0, 100), Age: time.Hour}
	default:
		return decide.Now{Ledger: start.AddDate(0, 0, 100+r.IntN(150)).Add(time.Duration(r.IntN(1000)) * time.Second)}
	}
}

// linkedHistory is a random history whose person may have said no under another identifier as well.
func linkedHistory(r *rand.Rand) *consent.Record {
	rec := consent.Fold(history(r, 2+r.IntN(12)))
	if r.IntN(2) == 0 {
		rec = consent.Inherit(rec, consent.Fold(history(r, 1+r.IntN(8))))
	}
	return rec
}

func same(a, b decide.Verdict) bool {
	return a.Reason == b.Reason && a.Ground == b.Ground && slices.Equal(a.Obligations, b.Obligations)
}

func TestReducedFactsDecideTheSame(t *testing.T) {
	permitted := 0
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		rec, now := linkedHistory(r), randomNow(r)
		var collected decide.Collected
		timed := decide.Timed(world())
		if r.IntN(2) == 0 {
			collected = decide.Collected{Declared: true, At: start.AddDate(0, 0, r.IntN(60))}
			timed = purposes
		}
		any := false
		for _, p := range purposes {
			full := plans[p].Person(func(q consent.PurposeID) consent.Fact { return consent.Project(rec, q, now.Ledger) }, collected, now)
			less := plans[p].Person(reduced(rec, now, timed...), collected, now)
			if !same(full, less) {
				return any, fmt.Sprintf("%s: %+v became %+v", p, full, less)
			}
			any = any || (full.Permit() && p != "invoice")
			once, _ := decide.Reduce(consent.Project(rec, p, now.Ledger), slices.Contains(timed, p))
			if twice, _ := decide.Reduce(once, slices.Contains(timed, p)); !reflect.DeepEqual(once, twice) {
				return any, fmt.Sprintf("%+v became %+v when it was reduced again", once, twice)
			}
		}
		if any {
			permitted++
		}
		return any, ""
	})
	t.Logf("%d of %d histories permit something", permitted, rounds)
}

// TestWithoutTimesNothingThatNeedsThemIsPermitted: facts without times never permit what facts with times do not.
func TestWithoutTimesNothingThatNeedsThemIsPermitted(t *testing.T) {
	behind := 0
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		rec, now := linkedHistory(r), randomNow(r)
		collected := decide.Collected{Declared: r.IntN(2) == 0, At: start.AddDate(0, 0, r.IntN(60))}
		any := false
		for _, p := range purposes {
			full := plans[p].Person(func(q consent.PurposeID) consent.Fact { return consent.Project(rec, q, now.Ledger) }, collected, now)
			less := plans[p].Person(reduced(rec, now), collected, now)
			if less.Permit() && !full.Permit() {
				return any, fmt.Sprintf("%s: %s became %s without times", p, full.Reason, less.Reason)
			}
			if less.Reason == decide.LedgerBehind && full.Permit() {
				behind++
			}
			any = any || (full.Permit() && p != "invoice")
		}
		return any, ""
	})
	if behind == 0 {
		t.Fatal("no decision ever missed a time")
	}
}

// TestReductionMakesPeopleAlike: people with the same choices, made at different times, have the same facts.
func TestReductionMakesPeopleAlike(t *testing.T) {
	distinct := map[string]bool{}
	for n := range consent.Position(1000) {
		rec := consent.Fold([]consent.Event{
			{Type: consent.EventGiven, Position: 10*n + 1, At: start.AddDate(0, 0, int(n)), Purpose: "profiling", Notice: "profiling", Touchpoint: fmt.Sprint(n)},
			{Type: consent.EventObjected, Position: 10*n + 3, At: start, Scope: consent.ScopeAll},
			{Type: consent.EventGiven, Position: 10*n + 5, At: start, Purpose: "profiling", Notice: "profiling", BasedOn: 10*n + 3 + n%2},
			{Type: consent.EventUsed, Position: 10*n + 6, At: start.AddDate(0, 0, int(n)), Purpose: "profiling"},
		})
		f, _ := decide.Reduce(consent.Project(rec, "profiling", start.AddDate(10, 0, 0)), false)
		distinct[fmt.Sprintf("%+v", f)] = true
	}
	if len(distinct) != 2 { // whether the second grant knew just of the objection or of more counts
		t.Fatalf("%d different facts", len(distinct))
	}
}

func TestTimedPurposes(t *testing.T) {
	b := world()
	if got := decide.Timed(b); !slices.Equal(got, []consent.PurposeID{"newsletter"}) {
		t.Fatalf("%v", got)
	}
	b.Services[0].Endpoints[4].Response = &ir.Message{Records: &ir.Records{Identifier: "/id", Time: "/since"}}
	b.Rules[4].Tracking = []ir.TrackingRule{{Purpose: "profiling"}}
	if got := decide.Timed(b); !slices.Equal(got, []consent.PurposeID{"goods", "newsletter", "profiling"}) {
		t.Fatalf("%v", got)
	}
	b.Services[0].Endpoints[0].Request = &ir.Message{Addressees: []ir.Addressees{{Each: "/*", Time: "/since"}}}
	b.Purposes[0].ValidForDays, b.Purposes[0].UnusedForDays = 0, 0
	if got := decide.Timed(b); !slices.Contains(got, "newsletter") {
		t.Fatalf("%v", got)
	}
}
