package decide

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/ir"
)

const (
	// atHand is how many combinations a memo has undying verdicts about.
	atHand = 4096
	// patience is how many times another combination asks for a place before it gets it: two that share one would else be learned anew with
	// every turn.
	patience = 64
)

// undying is what is decided about people of one combination whose times differ, as long as no grant of theirs has ended by itself: then
// times make no difference, and it is enough to see that none has.
type undying struct {
	combination uint32
	verdict     Verdict
	ends        []end
}

// end is when a grant ends: a number of seconds after the latest of some moments, by their numbers.
type end struct {
	moments []uint8
	after   int64
}

// moments is how many a person has at most about whom something undying is remembered.
const moments = 16

// lasting gives the verdict about a dated state, if none of its grants has ended; nil where that is not known.
func (m *memo) lasting(t *facts.Table, s facts.State, now *Now) *Verdict {
	if m == nil {
		return nil
	}
	var room [moments]int64
	plain, times, ok := t.Seconds(s, room[:0])
	if !ok {
		return nil
	}
	all := m.undying.Load()
	if all == nil {
		return nil
	}
	u := all[uint32(plain)%atHand].Load()
	if u == nil || u.combination != uint32(plain) {
		return nil
	}
	moment := now.Ledger.Unix()
	for i := range u.ends {
		e := &u.ends[i]
		latest := int64(0)
		for n, at := range e.moments {
			if int(at) >= len(times) {
				return nil
			}
			if n == 0 || times[at] > latest {
				latest = times[at]
			}
		}
		// Of times and of now whole seconds are compared; in the second in which a grant ends it is worked out.
		if latest+e.after <= moment {
			return nil
		}
	}
	return &u.verdict
}

// learnLasting remembers a verdict for all people of a combination, if no grant that it could rest on has ended.
func (p *Plan) learnLasting(t *facts.Table, plain facts.State, known Facts, now *Now, v Verdict) {
	if !p.memos.wants(plain) || p.ended(known, now.Ledger) {
		return
	}
	all, ok := t.Moments(plain)
	if !ok || len(all) > moments {
		return
	}
	u := &undying{combination: uint32(plain), verdict: v}
	p.lapses(func(q *ir.Purpose) {
		f := known(q.Name)
		for grant := range f.Grants {
			if standing(f.Grants[grant].Status) != "" {
				continue // it has no times, and none are asked for
			}
			var begins, used []uint8
			for i, m := range all {
				switch {
				case m.Purpose != q.Name:
				case m.Grant == grant:
					begins = append(begins, uint8(i))
				case m.Grant < 0:
					used = append(used, uint8(i))
				}
			}
			if q.ValidForDays > 0 {
				u.ends = append(u.ends, end{begins, days(q.ValidForDays)})
			}
			if q.UnusedForDays > 0 {
				u.ends = append(u.ends, end{slices.Concat(begins, used), days(q.UnusedForDays)})
			}
			// A grant without a moment of its own has none that could be compared.
			ok = ok && len(begins) > 0
		}
	})
	if !ok {
		return
	}
	p.memos.keepUndying(plain, u)
}

// ended tells whether a grant that stands has ended by itself.
func (p *Plan) ended(known Facts, now time.Time) bool {
	ended := false
	p.lapses(func(q *ir.Purpose) {
		f := known(q.Name)
		for i := range f.Grants {
			if standing(f.Grants[i].Status) == "" {
				expired, unused := Ends(q, &f.Grants[i], f.Used)
				ended = ended || (q.ValidForDays > 0 && !expired.After(now)) || (q.UnusedForDays > 0 && !unused.After(now))
			}
		}
	})
	return ended
}

// wants tells whether a combination may have a place among the undying.
func (x *memos) wants(plain facts.State) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.current.Load()
	if !m.about(uint64(plain)) || m.undying.Load() == nil {
		return true
	}
	u := m.undying.Load()[uint32(plain)%atHand].Load()
	if u == nil || u.combination == uint32(plain) {
		return true
	}
	m.turned++
	return m.turned%patience == 0
}

func (x *memos) keepUndying(plain facts.State, u *undying) {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.current.Load()
	if !m.about(uint64(plain)) {
		m = &memo{none: plain &^ 0xffffffff}
		x.current.Store(m)
	}
	all := m.undying.Load()
	if all == nil {
		all = new([atHand]atomic.Pointer[undying])
		m.undying.Store(all)
	}
	all[u.combination%atHand].Store(u)
}

// days are seconds. All times are UTC, whose days are equally long here.
func days(n int) int64 { return int64(n) * 24 * 3600 }
