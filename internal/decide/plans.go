package decide

import (
	"maps"
	"sync"
	"sync/atomic"
)

// maxPlans bounds the plans that an index remembers.
const maxPlans = 512

// planKey is all that a plan depends on: the endpoint, which of its rules match, and which obligations the request meets by itself.
type planKey struct {
	endpoint   *endpoint
	rules, met uint64
}

// keyOf reports false where there are more rules or obligations than the key has bits.
func keyOf(e *Endpoint, constant Constants) (planKey, bool) {
	k := planKey{endpoint: e.match}
	if len(e.match.rules) > 64 || len(e.match.ir.Fulfils) > 64 {
		return k, false
	}
	chosen, choice := choose(constant)
	for i, r := range e.match.rules {
		if (!choice || r.Purpose == chosen) && holds(r.When, e, constant) {
			k.rules |= 1 << i
		}
	}
	for i := range e.match.ir.Fulfils {
		if fulfils(&e.match.ir.Fulfils[i], constant) {
			k.met |= 1 << i
		}
	}
	return k, true
}

// plans remembers plans.
type plans struct {
	known atomic.Pointer[map[planKey]*Plan]
	mu    sync.Mutex
}

func (x *plans) get(k planKey) *Plan {
	if known := x.known.Load(); known != nil {
		return (*known)[k]
	}
	return nil
}

// put remembers a plan, and gives the one that is remembered.
func (x *plans) put(k planKey, p *Plan) *Plan {
	x.mu.Lock()
	defer x.mu.Unlock()
	next := map[planKey]*Plan{}
	if known := x.known.Load(); known != nil {
		if earlier := (*known)[k]; earlier != nil {
			return earlier
		}
		if len(*known) >= maxPlans {
			return p
		}
		next = maps.Clone(*known)
	}
	if p.oneController() {
		p.memos, p.needs, p.timed = newMemos(), p.Purposes(), p.needsTimes()
	}
	next[k] = p
	x.known.Store(&next)
	return p
}

// oneController tells whether all facts that the plan needs are those of one controller, so that one state stands for all of them.
func (p *Plan) oneController() bool {
	for _, name := range p.Purposes() {
		if q := p.index.purposes[name]; q == nil || q.Controller != p.Purpose.Controller {
			return false
		}
	}
	return true
}
