package api

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// TestAnAnswerHoldsUntilItBecomesAnother: at random instants and at the edges, what is remembered as holding is what would be answered.
func TestAnAnswerHoldsUntilItBecomesAnother(t *testing.T) {
	b := &ir.Bundle{}
	for i, days := range [][2]int{{0, 0}, {730, 0}, {0, 365}, {100, 50}} {
		name := fmt.Sprintf("purpose-%d", i)
		b.Purposes = append(b.Purposes, ir.Purpose{
			Name: consent.PurposeID(name), Controller: "c", Grounds: []ir.Ground{ir.GroundConsent}, Processing: []ir.Processing{ir.ProcessingShow},
			Proofs: []consent.Proof{consent.ProofMailboxConfirmed}, ValidForDays: days[0], UnusedForDays: days[1],
		})
		b.Notices = append(b.Notices, ir.Notice{
			Name: consent.NoticeID(name), Series: name, Version: 1, Controller: "c", Purposes: []consent.PurposeID{consent.PurposeID(name)},
			Processing: []ir.Processing{ir.ProcessingShow},
		})
	}
	a := &API{}
	random := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	some := func() time.Time { return start.Add(time.Duration(random.IntN(800*24*3600)) * time.Second) }
	text := func(r *consent.Record, at time.Time) []byte {
		body, err := a.personal(r, moment{b, at})
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	ended := 0
	for range 500 {
		r := &consent.Record{Position: 9, Used: map[consent.PurposeID]time.Time{}}
		for p := range b.Purposes {
			g := consent.Grant{
				Position: consent.Position(p + 1), Purpose: b.Purposes[p].Name, Notice: b.Notices[p].Name, Status: consent.StatusGiven,
				Proof: consent.ProofMailboxConfirmed, Since: some(),
			}
			if random.IntN(3) == 0 {
				g.Renewed, g.Status = g.Since.Add(time.Hour), consent.StatusRenewed
			}
			if random.IntN(3) == 0 {
				r.Used[g.Purpose] = some()
			}
			r.Grants = append(r.Grants, g)
		}
		r.Relationships = []consent.Relationship{{Position: 8, Since: some()}}
		now := some()
		was := text(r, now)
		end := lasts(b, r, now)
		within := []time.Time{now.Add(time.Nanosecond), now.AddDate(20, 0, 0)}
		if !end.IsZero() {
			within = []time.Time{now.Add(end.Sub(now) / 2), end.Add(-time.Nanosecond)}
			ended++
		}
		for _, at := range within {
			if got := text(r, at); !bytes.Equal(got, was) {
				t.Fatalf("what was answered at %s is said to hold until %s, and at %s it is another: %s, %s", now, end, at, was, got)
			}
		}
	}
	if ended < 300 {
		t.Fatalf("only %d answers end at all", ended)
	}
}
