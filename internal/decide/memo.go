package decide

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/ir"
)

const (
	// nearby is how many combinations have a place of their own in a memo, counted from the first of the table; those beyond
	// share farAway places.
	nearby  = 16384
	farAway = 4096
	// maxVerdicts is how many different verdicts a memo has.
	maxVerdicts = 255
)

// memos remembers what a plan decided about states of a table of facts (see internal/facts). A state is a number that always stands for
// the same facts: the upper half names the table, the lower half the combination.
//
// What is remembered is the result of Person for these facts, for as long as it cannot be another one: until some grant ends by
// itself, while the facts are fresh, and only where nothing is said about when data was collected. Nobody can tell a remembered verdict
// from one that was worked out, but by the time that it takes.
type memos struct {
	current atomic.Pointer[memo]
	mu      sync.Mutex
}

// nowhere is a state of no table.
const nowhere = facts.State(1 << 63)

func newMemos() *memos {
	x := &memos{}
	x.current.Store(&memo{none: nowhere})
	return x
}

// memo is about the states of one table.
type memo struct {
	// none is the state of a tag without facts, of which each table has its own.
	none facts.State
	// far holds the combination and the place of its verdict.
	far atomic.Pointer[[farAway]atomic.Uint64]
	// verdicts are in places from 1 on; in place 0 there never is one. Taken says how many places are.
	verdicts [maxVerdicts + 1]atomic.Pointer[lasting]
	// steady are those of them that have no bounds.
	steady [maxVerdicts + 1]atomic.Pointer[Verdict]
	taken  int
	// undying are verdicts about people who have times, each at the number of its plain combination. Turned counts the combinations that
	// found their place taken.
	undying atomic.Pointer[[atHand]atomic.Pointer[undying]]
	turned  int
	// places holds the places of verdicts. It comes last, so that the collector does not look through it.
	places [nearby]atomic.Uint32
}

// about tells whether a state is one of the memo's table.
func (m *memo) about(state uint64) bool { return uint64(m.none) == state&^0xffffffff }

// place gives the place of the verdict about a combination that has one of its own, 0 for none.
func (m *memo) place(combination uint64) uint32 {
	return m.places[combination%nearby].Load() % (maxVerdicts + 1)
}

// get gives the verdict about a combination, nil for none.
func (m *memo) get(combination uint32) *lasting {
	if combination < nearby {
		return m.verdicts[m.place(uint64(combination))].Load()
	}
	far := m.far.Load()
	if far == nil {
		return nil
	}
	if word := far[combination%farAway].Load(); uint32(word>>32) == combination {
		return m.verdicts[uint8(word)].Load()
	}
	return nil
}

// set is for the one who holds the lock.
func (m *memo) set(combination, place uint32) {
	if combination < nearby {
		m.places[combination].Store(place)
		return
	}
	far := m.far.Load()
	if far == nil {
		far = new([farAway]atomic.Uint64)
		m.far.Store(far)
	}
	far[combination%farAway].Store(uint64(combination)<<32 | uint64(place))
}

// lasting is a verdict, if it has bounds from an instant on, or until before another one. Zero instants are no bounds.
type lasting struct {
	verdict     Verdict
	bounded     bool
	from, until time.Time
}

func (l *lasting) equal(o *lasting) bool {
	return o.from.Equal(l.from) && o.until.Equal(l.until) && o.verdict.equal(l.verdict)
}

func (l *lasting) at(now time.Time) bool {
	return (l.from.IsZero() || !now.Before(l.from)) && (l.until.IsZero() || now.Before(l.until))
}

// Remembers tells whether the plan remembers verdicts at all: whether all facts that it needs are those of one controller, so that one
// state stands for all of them.
func (p *Plan) Remembers() bool { return p.memos != nil }

// Recall gives the verdict about people in a state, if it is remembered. It does not allocate. The verdict is shared and must not be
// changed.
func (p *Plan) Recall(state uint64, collected Collected, now Now) (Verdict, bool) {
	if collected.Declared {
		return Verdict{}, false
	}
	if l := p.memo(state, &now).recall(state, &now); l != nil {
		return l.verdict, true
	}
	return Verdict{}, false
}

// memo gives what is remembered about the table of a state; nil where nothing may be recalled.
func (p *Plan) memo(state uint64, now *Now) *memo {
	if p.memos == nil || !p.fresh(now) {
		return nil
	}
	if m := p.memos.current.Load(); m.about(state) {
		return m
	}
	return nil
}

func (m *memo) recall(state uint64, now *Now) *lasting {
	if m == nil {
		return nil
	}
	l := m.get(uint32(state))
	if l != nil && l.bounded && !l.at(now.Ledger) {
		return nil
	}
	return l
}

// Learn decides as Person does and remembers the verdict. The facts must be those that the state stands for, whoever asks for them.
func (p *Plan) Learn(state uint64, facts Facts, collected Collected, now Now) Verdict {
	v := p.Person(facts, collected, now)
	if p.memos == nil || collected.Declared || !p.fresh(&now) {
		return v
	}
	l := lasting{verdict: v}
	p.edges(facts, func(t time.Time) {
		switch {
		case t.After(now.Ledger):
			if l.until.IsZero() || t.Before(l.until) {
				l.until = t
			}
		case t.After(l.from):
			l.from = t
		}
	})
	l.bounded = !l.from.IsZero() || !l.until.IsZero()
	p.memos.keep(state, l)
	return v
}

// Judge decides as Person does about people in a state of a table, from what is remembered where it can be. It gives nil for a state
// that nobody has any more: whoever found it looks the person up again. It allocates nothing about states that it remembers, nor about
// people who differ from these only by their times. The verdict is shared and must not be changed, but for one that is not remembered: that
// is written to own.
//
// The table has to be one that is told about all purposes that the plan needs (see Needs).
func (p *Plan) Judge(t *facts.Table, s facts.State, collected *Collected, now *Now, own *Verdict) *Verdict {
	if !collected.Declared {
		if v := p.Remembered(s, now); v != nil {
			return v
		}
	}
	return p.judge(t, s, collected, now, own)
}

// Remembered gives what Judge gives about people of whom nothing is said about when data about them was collected, where that is at hand,
// and nil where it is not: then Judge is the one to ask.
//
// It has as few steps as possible from the state to the verdict. All of them wait for the state, which comes from far away in memory, and
// how much else the processor does meanwhile depends on how much waits. So it calls nobody, and leaves verdicts with bounds to Judge.
func (p *Plan) Remembered(s facts.State, now *Now) *Verdict {
	if p.memos == nil || !p.fresh(now) {
		return nil
	}
	m := p.memos.current.Load()
	// What remains of the state of another table is a number beyond all places.
	c := uint64(s - m.none)
	if c >= nearby {
		return nil
	}
	return m.steady[m.place(c)].Load()
}

// judge is Judge for what is not so simple.
func (p *Plan) judge(t *facts.Table, s facts.State, collected *Collected, now *Now, own *Verdict) *Verdict {
	plain := s
	if p.memos != nil && !collected.Declared {
		if s.Dated() {
			if p.timed {
				if v := p.memo(uint64(s), now).lasting(t, s, now); v != nil {
					return v
				}
			}
			var ok bool
			if plain, ok = t.Plain(s); !ok {
				return nil
			}
			if !p.timed {
				s = plain
			}
		}
		if l := p.memo(uint64(s), now).recall(uint64(s), now); l != nil {
			return &l.verdict
		}
	}
	f, ok := t.Borrow(s)
	if !ok {
		return nil
	}
	defer t.Return(f)
	switch {
	case !s.Dated():
		*own = p.Learn(uint64(s), f.Fact, *collected, *now)
	default:
		*own = p.Person(f.Fact, *collected, *now)
		if p.memos != nil && !collected.Declared && p.fresh(now) {
			p.learnLasting(t, plain, f.Fact, now, *own)
		}
	}
	return own
}

// Needs are the purposes whose facts Person asks for, where they are all of one controller; none where they are not.
func (p *Plan) Needs() []consent.PurposeID { return p.needs }

// needsTimes tells whether the plan, or what is part of it, has a purpose whose grants end by themselves.
func (p *Plan) needsTimes() bool {
	for _, name := range p.Purposes() {
		if q := p.index.purposes[name]; q == nil || q.ValidForDays > 0 || q.UnusedForDays > 0 {
			return true
		}
	}
	return false
}

// edges visits the instants at which a verdict could become another one.
func (p *Plan) edges(facts Facts, visit func(time.Time)) {
	p.lapses(func(q *ir.Purpose) {
		f := facts(q.Name)
		for i := range f.Grants {
			expired, unused := Ends(q, &f.Grants[i], f.Used)
			if q.ValidForDays > 0 {
				visit(expired)
			}
			if q.UnusedForDays > 0 {
				visit(unused)
			}
		}
	})
}

// lapses visits the purposes that a verdict rests on and whose grants end by themselves.
func (p *Plan) lapses(visit func(*ir.Purpose)) {
	if p.Purpose.ValidForDays > 0 || p.Purpose.UnusedForDays > 0 {
		visit(p.Purpose)
	}
	if p.Purpose.DeviceAccess != "" {
		if d := p.device(); d != nil {
			d.lapses(visit)
		}
	}
	for i := range p.Tracking {
		if t := p.Tracking[i].plan; t != nil {
			t.lapses(visit)
		}
	}
}

func (x *memos) keep(state uint64, l lasting) {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.current.Load()
	if !m.about(state) || m.taken == maxVerdicts {
		m = &memo{none: facts.State(state &^ 0xffffffff)}
		x.current.Store(m)
	}
	place := 1
	for place <= m.taken && !m.verdicts[place].Load().equal(&l) {
		place++
	}
	if place > m.taken {
		m.taken = place
		m.verdicts[place].Store(&l)
		if !l.bounded {
			m.steady[place].Store(&l.verdict)
		}
	}
	m.set(uint32(state), uint32(place))
}

func (v Verdict) equal(o Verdict) bool {
	return v.Reason == o.Reason && v.Ground == o.Ground && v.Grant == o.Grant && slices.Equal(v.Obligations, o.Obligations)
}
