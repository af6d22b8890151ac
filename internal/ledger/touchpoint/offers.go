package touchpoint

import (
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// First gives everything that a visitor may be asked at first, the smallest first.
func (a *Asker) First(t *ir.Touchpoint, now time.Time) []Question {
	s := &scene{Asker: a, touchpoint: t, record: &consent.Record{}, now: now, at: law().Places[t.Place]}
	if s.at.Approach == byNobody || s.at.Approach == "" {
		return nil
	}
	var out []Question
	for _, name := range t.OptIn {
		if q, held := s.offer(name); held == nil {
			out = append(out, q)
		}
	}
	slices.SortFunc(out, s.smaller)
	return out
}

// Asks tells whether a touchpoint asks for a purpose in a wording at all, and agreeing can lead to a permission.
func (a *Asker) Asks(t *ir.Touchpoint, notice consent.NoticeID, purpose consent.PurposeID, now time.Time) bool {
	n, p := a.notices[notice], a.purposes[purpose]
	return n != nil && p != nil && slices.Contains(t.Offers(), notice) && slices.Contains(n.Purposes, purpose) && len(a.leads(t, n, p, now)) > 0
}

// Widens gives the grant that agreeing to a wording would widen: the newest that leads to its step of the ladder; 0 for an opt-in.
func (a *Asker) Widens(t *ir.Touchpoint, notice consent.NoticeID, record *consent.Record, now time.Time) consent.Position {
	s := &scene{Asker: a, touchpoint: t, record: record, now: now}
	i := slices.IndexFunc(t.Ladder, func(l ir.LadderStep) bool { return l.Notice == notice })
	if i < 0 {
		return 0
	}
	widens, _ := s.reached(t.Ladder[i])
	return widens
}
