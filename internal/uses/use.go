package uses

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/wire"
)

// partSize is how many people one part of a record holds. Longer lists are recorded in parts.
const partSize = 128

// About is what a decision is about. Strings and lists are shared with the bundle.
type About struct {
	Controller string
	Purpose    consent.PurposeID
	Policies   []string
	Service    string
	Endpoint   string
	Party      string
	Mode       ir.Mode
	Generation int64
	Position   consent.Position
	// At is the ledger's time; zero where it is not known.
	At time.Time
}

// person is one person of a part. A person without a tag could not be read.
type person struct {
	tag    consent.Tag
	tagged bool
	reason decide.Reason
	grant  consent.Position
}

// Use is the record of one request while it is decided about. It is for one goroutine. The zero value records nothing.
type Use struct {
	recorder *Recorder
	id       wire.DecisionID
	about    About
	people   *[]person
	first    int
	tick     uint64
	ended    bool
}

// A buffer grows with the first long list that it is for.
var buffers = sync.Pool{New: func() any { b := make([]person, 0, 4); return &b }}

// Begin makes the record of a request. A nil recorder gives one that has an ID and records nothing.
func (r *Recorder) Begin(now time.Time) Use {
	u := Use{recorder: r, id: wire.NewDecisionID(now, rand.Uint64(), rand.Uint64()), first: 1}
	u.about.At = now
	if r != nil {
		u.tick = r.tick.Load()
	}
	return u
}

// ID names the decision.
func (u *Use) ID() wire.DecisionID { return u.id }

// About says what is decided about. It has to be known before the first person.
func (u *Use) About(a About) {
	if a.At.IsZero() {
		a.At = u.about.At
	}
	u.about = a
}

// Person adds what was decided about one person. Where a request lasts, as a stream does, what was added is handed over from time to time.
func (u *Use) Person(tag consent.Tag, tagged bool, v *decide.Verdict) {
	if u.recorder == nil || u.ended {
		return
	}
	if u.people == nil {
		u.people = buffers.Get().(*[]person)
	}
	*u.people = append(*u.people, person{})
	one := &(*u.people)[len(*u.people)-1] // it is written where it stays
	one.tag, one.tagged, one.reason, one.grant = tag, tagged, v.Reason, v.Grant
	if len(*u.people) == partSize || u.recorder.tick.Load()-u.tick > 1 {
		u.Flush()
		u.recorder.yield()
	}
}

// yield lets the recorder have its turn where many parts wait for it. A request that never waits would keep the only processor to itself
// until there is no part left to give; it does not wait for the recorder either.
func (r *Recorder) yield() {
	if len(r.full) > cap(r.full)/2 {
		runtime.Gosched()
	}
}

// Pause is called by a stream before it waits for more: what was added is handed over unless much is on its way already.
func (u *Use) Pause() {
	if u.recorder != nil && len(u.recorder.full) < cap(u.recorder.full)/2 {
		u.Flush()
	}
}

// Flush hands over what was added so far.
func (u *Use) Flush() {
	if u.recorder == nil || u.people == nil || len(*u.people) == 0 || u.ended {
		return
	}
	u.tick = u.recorder.tick.Load()
	u.give("", "", false)
}

// End completes the record. Only the first call counts.
func (u *Use) End(effect decide.Effect, reason decide.Reason, unanswered bool) {
	if u.recorder == nil || u.ended {
		return
	}
	u.give(effect, reason, unanswered)
	u.ended = true
	if u.people != nil {
		buffers.Put(u.people)
		u.people = nil
	}
}

// give hands a part to the recorder by exchanging buffers: nothing is copied but the head.
func (u *Use) give(effect decide.Effect, reason decide.Reason, unanswered bool) {
	n := 0
	if u.people != nil {
		n = len(*u.people)
	}
	p := u.recorder.part()
	if p == nil {
		u.recorder.lose(uint64(n) + 1)
		if u.people != nil {
			*u.people = (*u.people)[:0]
		}
		u.first += n
		return
	}
	p.id, p.about, p.first, p.effect, p.reason, p.unanswered = u.id, u.about, u.first, effect, reason, unanswered
	if u.people != nil {
		p.people, *u.people = *u.people, p.people[:0]
	}
	u.first += n
	u.recorder.full <- p // there are never more parts than it holds
	if len(u.recorder.full) >= cap(u.recorder.full)/4 {
		select {
		case u.recorder.wake <- struct{}{}:
		default:
		}
	}
}

// part gives a part to fill, nil if as many as there may be are on their way.
func (r *Recorder) part() *part {
	select {
	case p := <-r.free:
		return p
	default:
	}
	if r.made.Add(1) <= int64(cap(r.full)) {
		return &part{}
	}
	r.made.Add(-1)
	return nil
}

// part is a record, or a part of one, on its way from a request to the recorder.
type part struct {
	id         wire.DecisionID
	about      About
	first      int
	people     []person
	effect     decide.Effect
	reason     decide.Reason
	unanswered bool
}

// append appends the part as it is sent.
func (p *part) append(dst []byte) ([]byte, error) {
	d := wire.Decided{
		ID: p.id, At: p.about.At.UTC(), Effect: string(p.effect), Reason: string(p.reason), Mode: string(p.about.Mode), Purpose: p.about.Purpose,
		Policies: p.about.Policies, Service: p.about.Service, Endpoint: p.about.Endpoint, Party: p.about.Party, Generation: p.about.Generation,
		Position: p.about.Position, Unanswered: p.unanswered,
	}
	if len(p.people) > 0 {
		d.First = p.first
	}
	return d.AppendEach(dst, len(p.people), func(i int) wire.Use {
		x := &p.people[i]
		u := wire.Use{Reason: string(x.reason), Grant: x.grant}
		if x.tagged {
			u.Tag = (*wire.Tag)(&x.tag)
		}
		return u
	})
}

// clear forgets people and shared strings, so that a part that waits keeps no bundle alive.
func (p *part) clear() {
	clear(p.people)
	*p = part{people: p.people[:0]}
}
