package decide

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/facts"
)

const (
	// nearby is how many combinations have a place of their own in a memo, a byte each, counted from the first of the table; those beyond
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

// memo is about the states of one table.
type memo struct {
	table uint32
	// near holds four places of verdicts a word, counted from 1. Far holds the combination and the place of its verdict.
	near     [nearby / 4]atomic.Uint32
	far      atomic.Pointer[[farAway]atomic.Uint64]
	verdicts atomic.Pointer[[]lasting]
}

// place gives the place of a verdict, counted from 1; 0 for none.
func (m *memo) place(combination uint32) uint32 {
	if combination < nearby {
		return m.near[combination/4].Load() >> (combination % 4 * 8) & 0xff
	}
	far := m.far.Load()
	if far == nil {
		return 0
	}
	if word := far[combination%farAway].Load(); uint32(word>>32) == combination {
		return uint32(word)
	}
	return 0
}

// set is for the one who holds the lock.
func (m *memo) set(combination, place uint32) {
	if combination < nearby {
		word, shift := &m.near[combination/4], combination%4*8
		word.Store(word.Load()&^(0xff<<shift) | place<<shift)
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
	if p.memos == nil || now.Age < 0 || now.Age > p.bound || now.Ledger.IsZero() {
		return nil
	}
	if m := p.memos.current.Load(); m != nil && m.table == uint32(state>>32) {
		return m
	}
	return nil
}

func (m *memo) recall(state uint64, now *Now) *lasting {
	if m == nil {
		return nil
	}
	place := m.place(uint32(state))
	if place == 0 {
		return nil
	}
	l := &(*m.verdicts.Load())[place-1]
	if l.bounded && !l.at(now.Ledger) {
		return nil
	}
	return l
}

// Learn decides as Person does and remembers the verdict. The facts must be those that the state stands for, whoever asks for them.
func (p *Plan) Learn(state uint64, facts Facts, collected Collected, now Now) Verdict {
	v := p.Person(facts, collected, now)
	if p.memos == nil || collected.Declared || !p.fresh(now) {
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
		if l := p.memo(uint64(s), now).recall(uint64(s), now); l != nil {
			return &l.verdict
		}
	}
	return p.judge(t, s, collected, now, own)
}

// JudgeAll judges people in many states at the same moment, about whose data no time is declared: out gets the verdicts, and done what
// Judge reports. It is faster than one Judge after the other.
func (p *Plan) JudgeAll(t *facts.Table, states []facts.State, now Now, out []Verdict, done []bool) {
	var undated Collected
	m := p.memo(uint64(t.Unknown()), &now)
	for i, s := range states {
		if l := m.recall(uint64(s), &now); l != nil {
			out[i], done[i] = l.verdict, true
			continue
		}
		v := p.judge(t, s, &undated, &now, &out[i])
		if done[i] = v != nil; done[i] && v != &out[i] {
			out[i] = *v
		}
		m = p.memo(uint64(t.Unknown()), &now)
	}
}

// judge judges about a state that nothing is remembered about.
func (p *Plan) judge(t *facts.Table, s facts.State, collected *Collected, now *Now, own *Verdict) *Verdict {
	if s.Dated() && p.memos != nil && !p.timed && !collected.Declared {
		var ok bool
		if s, ok = t.Plain(s); !ok {
			return nil
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
	if s.Dated() {
		*own = p.Person(f.Fact, *collected, *now) // like nobody else
	} else {
		*own = p.Learn(uint64(s), f.Fact, *collected, *now)
	}
	return own
}

// Needs are the purposes whose facts Person asks for, for a plan that remembers (see Remembers).
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
	if p.Purpose.ValidForDays > 0 || p.Purpose.UnusedForDays > 0 {
		f := facts(p.Purpose.Name)
		for i := range f.Grants {
			expired, unused := ends(p.Purpose, &f.Grants[i], f.Used)
			if p.Purpose.ValidForDays > 0 {
				visit(expired)
			}
			if p.Purpose.UnusedForDays > 0 {
				visit(unused)
			}
		}
	}
	if p.Purpose.DeviceAccess != "" {
		if d := p.device(); d != nil {
			d.edges(facts, visit)
		}
	}
	for i := range p.Tracking {
		if t := p.Tracking[i].plan; t != nil {
			t.edges(facts, visit)
		}
	}
}

func (x *memos) keep(state uint64, l lasting) {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.current.Load()
	if m == nil || m.table != uint32(state>>32) || len(*m.verdicts.Load()) >= maxVerdicts {
		m = &memo{table: uint32(state >> 32)}
		m.verdicts.Store(&[]lasting{})
		x.current.Store(m)
	}
	all := *m.verdicts.Load()
	place := slices.IndexFunc(all, func(o lasting) bool {
		return o.from.Equal(l.from) && o.until.Equal(l.until) && o.verdict.equal(l.verdict)
	})
	if place < 0 {
		place = len(all)
		all = append(all, l)
		m.verdicts.Store(&all)
	}
	m.set(uint32(state), uint32(place+1))
}

func (v Verdict) equal(o Verdict) bool {
	return v.Reason == o.Reason && v.Ground == o.Ground && v.Grant == o.Grant && slices.Equal(v.Obligations, o.Obligations)
}
