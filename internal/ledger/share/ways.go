package share

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

const (
	// maxKeys bounds the keys that are remembered. They only save time.
	maxKeys = 1 << 17
	// noWay stands for nobody.
	noWay = ^uint32(0)
)

// outcome is what is decided about a person under one plan. Touchpoint is where the grant was given that carries.
type outcome struct {
	reason     decide.Reason
	ground     ir.Ground
	touchpoint string
	// rank orders outcomes of several identities of one person: the highest counts.
	rank int
}

// way is one way to stand: an outcome for each plan, and for each plan whether the person may be asked for it.
type way struct {
	outcomes []uint16
	asks     []byte
	// weight is how many categories of data may be used for something, reachable that the person may be written to for advertising.
	weight    int
	reachable bool
}

// ways are all ways to stand that have been met. They are safe for concurrent use.
type ways struct {
	rules *rules

	mu       sync.Mutex
	outcomes []outcome
	place    map[outcome]uint16
	all      []way
	byWay    map[string]uint32
	byKey    map[string]uint32
	joined   map[uint64]uint32
}

func newWays(x *rules) *ways {
	return &ways{
		rules: x, place: map[outcome]uint16{}, byWay: map[string]uint32{}, byKey: map[string]uint32{}, joined: map[uint64]uint32{},
	}
}

// of gives the way that somebody with a record, and with its key, stands.
func (w *ways) of(key []byte, r *consent.Record, kind consent.IdentifierType, now time.Time) uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id, ok := w.byKey[string(key)]; ok {
		return id
	}
	if len(w.byKey) >= maxKeys {
		clear(w.byKey)
	}
	id := w.decide(r, kind, now)
	w.byKey[string(key)] = id
	return id
}

// decide asks decide about everything.
func (w *ways) decide(r *consent.Record, kind consent.IdentifierType, now time.Time) uint32 {
	x := w.rules
	out := way{outcomes: make([]uint16, len(x.plans)), asks: make([]byte, len(x.plans))}
	facts := func(p consent.PurposeID) consent.Fact { return consent.Project(r, p, now) }
	for i, plan := range x.plans {
		v := plan.Person(facts, decide.Collected{}, decide.Now{Ledger: now, Position: r.Position})
		if v.Permit() && !reaches(plan.Endpoint.Channel, kind) && rests(v.Ground) {
			v = decide.Verdict{Reason: decide.ChannelNotCovered}
		}
		out.outcomes[i] = w.outcome(plan, v, r)
		out.asks[i] = x.questions[x.about[i]].mayAsk(r, plan, now)
		if out.asks[i] == may && !reaches(plan.Endpoint.Channel, kind) {
			out.asks[i] = noSay // nothing would be won under this identifier
		}
	}
	return w.intern(out)
}

// rests tells whether a ground rests on something that a person did under an identifier.
func rests(g ir.Ground) bool {
	switch g {
	case ir.GroundConsent, ir.GroundSpecialCategoryConsent, ir.GroundExistingCustomer, ir.GroundPresumedConsent:
		return true
	default:
		return false
	}
}

var reasons = decide.Reasons()

func (w *ways) outcome(plan *decide.Plan, v decide.Verdict, r *consent.Record) uint16 {
	o := outcome{reason: v.Reason, ground: v.Ground}
	if v.Permit() {
		o.rank = 1000 - slices.Index(plan.Purpose.Grounds, v.Ground)
	} else {
		o.rank = slices.Index(reasons, v.Reason)
	}
	if v.Grant != 0 {
		if i := slices.IndexFunc(r.Grants, func(g consent.Grant) bool { return g.Position == v.Grant }); i >= 0 {
			o.touchpoint = r.Grants[i].Touchpoint
		}
	}
	if len(w.outcomes) > 1<<16-2 {
		o.touchpoint = "" // so many touchpoints are not told apart
	}
	id, ok := w.place[o]
	if !ok {
		id = uint16(len(w.outcomes))
		w.place[o] = id
		w.outcomes = append(w.outcomes, o)
	}
	return id
}

func (w *ways) intern(one way) uint32 {
	key := make([]byte, 0, 3*len(one.outcomes))
	for i, o := range one.outcomes {
		key = append(binary.LittleEndian.AppendUint16(key, o), one.asks[i])
	}
	id, ok := w.byWay[string(key)]
	if ok {
		return id
	}
	permitted := func(i int) bool { return w.outcomes[one.outcomes[i]].reason.Permits() }
	one.weight = w.rules.weight(permitted)
	for i, plan := range w.rules.plans {
		one.reachable = one.reachable || (permitted(i) && plan.Purpose.Objection == ir.ObjectionDirectMarketing &&
			slices.Contains(plan.Endpoint.Processing, ir.ProcessingSend))
	}
	id = uint32(len(w.all))
	w.byWay[string(key)] = id
	w.all = append(w.all, one)
	return id
}

// join gives the way in which a person stands who has two identities: what one of them permits is permitted, and what one of them
// forbids to ask is not asked.
func (w *ways) join(a, b uint32) uint32 {
	if a == b {
		return a
	}
	pair := uint64(min(a, b))<<32 | uint64(max(a, b))
	w.mu.Lock()
	defer w.mu.Unlock()
	if id, ok := w.joined[pair]; ok {
		return id
	}
	one, two := &w.all[a], &w.all[b]
	out := way{outcomes: slices.Clone(one.outcomes), asks: slices.Clone(one.asks)}
	for i := range out.outcomes {
		if w.better(two.outcomes[i], out.outcomes[i]) {
			out.outcomes[i] = two.outcomes[i]
		}
		out.asks[i] = min(out.asks[i], two.asks[i])
	}
	id := w.intern(out)
	if len(w.joined) >= maxKeys {
		clear(w.joined)
	}
	w.joined[pair] = id
	return id
}

func (w *ways) better(a, b uint16) bool {
	x, y := &w.outcomes[a], &w.outcomes[b]
	if x.rank != y.rank {
		return x.rank > y.rank
	}
	return x.touchpoint < y.touchpoint
}

// counter gives ways, one record after the other. Each goroutine has its own: what it has met it finds without a lock.
type counter struct {
	ways  *ways
	known map[string]uint32
	key   []byte
	edge  []int64
}

func newCounter(w *ways) *counter { return &counter{ways: w, known: map[string]uint32{}} }

func (c *counter) way(r *consent.Record, kind consent.IdentifierType, now time.Time) uint32 {
	c.key = c.ways.rules.key(c.key[:0], r, kind, now)
	if id, ok := c.known[string(c.key)]; ok {
		return id
	}
	if len(c.known) >= maxKeys {
		clear(c.known)
	}
	id := c.ways.of(c.key, r, kind, now)
	c.known[string(c.key)] = id
	return id
}

// stand is how an identity stands now, and from later instants on.
type stand struct {
	way   uint32
	later []timer
}

// count gives how one identity stands.
func (c *counter) count(r *consent.Record, kind consent.IdentifierType, now time.Time) stand {
	s := stand{way: c.way(r, kind, now)}
	c.edge = c.ways.rules.edges(c.edge[:0], r, now)
	last := s.way
	for _, at := range c.edge {
		if next := c.way(r, kind, time.Unix(0, at).UTC()); next != last {
			s.later = append(s.later, timer{at: at, standing: next})
			last = next
		}
	}
	return s
}
