package share

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/store"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is a ledger in memory: identities with their own records, and groups of them.
type world struct {
	random   *rand.Rand
	now      time.Time
	position consent.Position
	own      map[int]*consent.Record
	kind     map[int]consent.IdentifierType
	group    map[int]uint64
	// hashed identities have not told their plain form yet.
	hashed map[int]bool
}

func newWorld(seed uint64) *world {
	return &world{
		random: rand.New(rand.NewPCG(seed, seed)), now: start, own: map[int]*consent.Record{}, kind: map[int]consent.IdentifierType{},
		group: map[int]uint64{}, hashed: map[int]bool{},
	}
}

// testBundle has every kind of purpose. Variant changes what is required, as a data protection officer does.
func testBundle(variant int) *ir.Bundle {
	marketing := ir.ObjectionDirectMarketing
	send, profile := ir.ProcessingSend, ir.ProcessingProfile
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: "n", Workload: "ConsentLedger/main", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 30000,
		Purposes: []ir.Purpose{
			{
				Name: "newsletter", Grounds: []ir.Ground{ir.GroundConsent, ir.GroundExistingCustomer}, Processing: []ir.Processing{send, profile}, Channels: []consent.Channel{consent.ChannelEmail},
				Objection: marketing, Proofs: []consent.Proof{consent.ProofMailboxConfirmed}, ValidForDays: 120, UnusedForDays: 90, Goods: []string{"garden"}, Categories: []string{"pd:EmailAddress", "pd:Name"},
			},
			{Name: "profiling", Grounds: []ir.Ground{ir.GroundConsent}, Processing: []ir.Processing{profile}, Objection: marketing, DeviceAccess: "device", Categories: []string{"pd:Interest", "pd:Name"}},
			{Name: "device", Grounds: []ir.Ground{ir.GroundConsent}, Processing: []ir.Processing{ir.ProcessingTrack}, Objection: ir.ObjectionNone, ValidForDays: 180},
			{Name: "calls", Grounds: []ir.Ground{ir.GroundPresumedConsent}, Processing: []ir.Processing{send}, Channels: []consent.Channel{consent.ChannelPhone}, Objection: marketing, BusinessOnly: true},
			{Name: "letters", Grounds: []ir.Ground{ir.GroundLegitimateInterest}, Processing: []ir.Processing{send}, Channels: []consent.Channel{consent.ChannelPost}, Objection: marketing, Categories: []string{"pd:PhysicalAddress"}},
			{Name: "invoice", Grounds: []ir.Ground{ir.GroundContract}, Processing: []ir.Processing{send}, Channels: []consent.Channel{consent.ChannelEmail}, Objection: ir.ObjectionNone},
			{Name: "blocked", Grounds: []ir.Ground{ir.GroundConsent}, Processing: []ir.Processing{send}, Objection: marketing, Blocked: "PURPOSE_UNDECLARED"},
		},
	}
	for i := range b.Purposes {
		p := &b.Purposes[i]
		p.Controller = "c"
		b.Notices = append(b.Notices, ir.Notice{Name: consent.NoticeID(p.Name), Controller: "c", Purposes: []consent.PurposeID{p.Name}, Processing: p.Processing, Channels: p.Channels})
	}
	n := &b.Purposes[0]
	if variant&1 != 0 {
		n.ValidForDays, n.UnusedForDays = 60, 0
	}
	if variant&2 != 0 {
		n.Proofs, n.MinimumAge = nil, 16
	}
	if variant&4 != 0 {
		b.Purposes[1].DeviceAccess = ""
		b.Notices[0].Processing = []ir.Processing{send}
	}
	if variant&8 != 0 {
		b.Purposes = b.Purposes[:4]
	}
	return b
}

// tag is one of the three forms of an identity; the first is the plain one.
func tag(id, form int) (t consent.Tag) {
	binary.LittleEndian.PutUint64(t[:], uint64(id*3+form)+1)
	return t
}

func (w *world) identity(id int) Identity {
	one := Identity{Tags: []consent.Tag{tag(id, 0), tag(id, 1), tag(id, 2)}, Group: w.group[id], Type: w.kind[id], Record: w.effective(id)}
	if w.hashed[id] {
		one.Tags = one.Tags[1:2]
	}
	return one
}

func (w *world) effective(id int) *consent.Record {
	var others []*consent.Record
	for _, o := range w.members(id) {
		if o != id {
			others = append(others, w.own[o])
		}
	}
	return consent.Inherit(w.own[id], others...)
}

// members are the identities of a person, the own one included.
func (w *world) members(id int) []int {
	out := []int{id}
	if w.group[id] == 0 {
		return out
	}
	for _, o := range slices.Sorted(maps.Keys(w.own)) {
		if o != id && w.group[id] != 0 && w.group[o] == w.group[id] {
			out = append(out, o)
		}
	}
	return out
}

// Head and Snapshot make the world a Source.
func (w *world) Head(context.Context) (store.Head, error) {
	return store.Head{Epoch: "e", Position: w.position, At: w.now}, nil
}

func (w *world) Snapshot(ctx context.Context, visit func(Identity) error) (store.Head, error) {
	for id := range w.own {
		if err := visit(w.identity(id)); err != nil {
			return store.Head{}, err
		}
	}
	return w.Head(ctx)
}

func pick[T any](w *world, from ...T) T { return from[w.random.IntN(len(from))] }

// pass lets time pass, up to some days.
func (w *world) pass() {
	w.now = w.now.Add(time.Duration(w.random.Int64N(int64(14 * 24 * time.Hour))))
}

// event makes one random event, or links or unlinks somebody, among a number of identities.
func (w *world) event(identities int) Change {
	id := w.random.IntN(identities)
	w.position++
	if w.own[id] == nil {
		w.own[id], w.hashed[id] = &consent.Record{}, w.random.IntN(4) == 0
		w.kind[id] = pick(w, consent.IdentifierEmail, consent.IdentifierEmail, consent.IdentifierPhone, consent.IdentifierCustomer, consent.IdentifierDevice, "")
	}
	touched := w.members(id)
	switch w.random.IntN(12) {
	case 0: // with somebody else: both groups become one
		if o := w.random.IntN(identities); w.own[o] != nil {
			if w.group[id] == 0 {
				w.group[id] = uint64(id) + 1
			}
			for _, m := range w.members(o) {
				w.group[m] = w.group[id]
			}
			touched = w.members(id)
		}
	case 1:
		w.group[id] = uint64(w.position) << 20 // alone, in a group that nobody had
		touched = append(touched, id)
	case 2:
		w.hashed[id] = false
	}
	e := w.act(id)
	e.Position, e.At = w.position, w.now
	w.own[id].Apply(e)
	for _, m := range w.members(id) {
		w.own[m].Position = max(w.own[m].Position, w.position)
	}
	slices.Sort(touched)
	c := Change{Position: w.position, At: w.now}
	for _, m := range slices.Compact(touched) {
		c.Identities = append(c.Identities, w.identity(m))
	}
	return c
}

func (w *world) act(id int) consent.Event {
	p := pick[consent.PurposeID](w, "newsletter", "newsletter", "profiling", "device", "calls", "letters", "foreign")
	e := consent.Event{
		Type: pick(w, consent.EventGiven, consent.EventGiven, consent.EventGiven, consent.EventGiven, consent.EventConfirmed, consent.EventWithdrawn, consent.EventRefused,
			consent.EventAsked, consent.EventObjected, consent.EventObjectionLifted, consent.EventRestricted, consent.EventUnrestricted, consent.EventRelationship,
			consent.EventAttribute, consent.EventUsed, consent.EventRenewed, consent.EventErased, consent.EventDisowned, consent.EventLinked),
		Purpose: p, Notice: pick(w, consent.NoticeID(p), consent.NoticeID(p), "unknown"), Touchpoint: pick(w, "", "shop/form", "shop/checkout"),
		Proof: pick(w, consent.ProofMailboxConfirmed, consent.ProofMailboxConfirmed, consent.ProofNone), BasedOn: pick(w, 0, w.position-1),
		Scope: pick(w, consent.ScopeAll, consent.ScopeChannel, consent.ScopePurpose), Channel: pick(w, consent.ChannelEmail, consent.ChannelPost),
		Goods: []string{pick(w, "garden", "books")}, ObjectionNotice: pick(w, true, false), Pending: w.random.IntN(8) == 0, Guardian: w.random.IntN(8) == 0,
	}
	if e.Type == consent.EventAttribute {
		e.Attribute, e.Value = "age", pick(w, "12", "44")
		if w.random.IntN(2) == 0 {
			e.Attribute, e.Value = "addressee", pick(w, "business", "consumer")
		}
	}
	if g := w.own[id].Grants; e.Type == consent.EventRenewed && len(g) > 0 {
		e.Grant = g[w.random.IntN(len(g))].Position
	}
	if w.random.IntN(3) == 0 {
		e.OccurredAt = w.now.Add(-time.Duration(w.random.Int64N(int64(100 * 24 * time.Hour))))
	}
	if w.random.IntN(40) == 0 {
		w.own[id].Ambiguous = !w.own[id].Ambiguous
	}
	return e
}

// describe counts people by the way in which they stand, in words that do not depend on what was met first.
func describe(w *ways, counts []int64) map[string]int64 {
	out := map[string]int64{}
	for id, n := range counts {
		if n == 0 {
			continue
		}
		text := ""
		for i, o := range w.all[id].outcomes {
			one := w.outcomes[o]
			text += fmt.Sprintf("%s/%s: %s %s %s %d; ", w.rules.plans[i].Purpose.Name, w.rules.plans[i].Endpoint.Processing[0], one.reason, one.ground, one.touchpoint, w.all[id].asks[i])
		}
		out[text] += n
	}
	return out
}

// naive counts everybody in the world anew: no keys, no timers, nothing remembered.
func (w *world) naive(b *ir.Bundle) map[string]int64 {
	ways, counts := newWays(newRules(b)), map[uint32]int64{}
	done := map[uint64]bool{}
	for id := range w.own {
		if g := w.group[id]; g != 0 && done[g] {
			continue
		}
		done[w.group[id]] = true
		person := noWay
		for _, m := range w.members(id) {
			way := ways.decide(w.effective(m), w.kind[m], w.now)
			if person == noWay {
				person = way
			}
			person = ways.join(person, way)
		}
		counts[person]++
	}
	all := make([]int64, len(ways.all))
	for way, n := range counts {
		all[way] += n
	}
	return describe(ways, all)
}
