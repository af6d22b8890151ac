package client

import (
	"slices"
	"sync"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/ledger/wire"
)

type phase int

const (
	phaseHello phase = iota
	phaseSnapshot
	phasePeople
	phaseLive
)

// intake takes the frames of one connection. It is for one goroutine.
type intake struct {
	feed     *Feed
	phase    phase
	hello    wire.Hello
	view     *view
	snapshot *facts.Snapshot
	people   int64
}

// view is what lookups see: facts, and the key and purposes that belong to them. The three change together.
type view struct {
	taggers  *sync.Pool
	purposes []consent.PurposeID
	table    *facts.Table
}

// take takes one frame. An error ends the connection; errDoubt and wire.ErrFrame put the facts in doubt.
func (in *intake) take(t wire.Type, payload []byte) error {
	switch {
	case t >= wire.Critical:
		return doubt("the ledger sent a critical frame of type %d that this version does not know; upgrade the sidecar", t)
	case t == wire.TypeHeartbeat:
		return nil
	case t == wire.TypeHello && in.phase == phaseHello:
		return in.begin(payload)
	case t == wire.TypeSnapshotBegin && in.phase == phaseSnapshot:
		in.phase, in.snapshot = phasePeople, facts.NewSnapshot()
		return nil
	case t == wire.TypePeople && in.phase == phasePeople:
		return in.add(payload)
	case t == wire.TypeSnapshotEnd && in.phase == phasePeople:
		return in.finish(payload)
	case t == wire.TypeChange && in.phase == phaseLive:
		return in.change(payload)
	case t == wire.TypePosition && in.phase == phaseLive:
		at, err := wire.Decode[wire.At](payload)
		if err != nil {
			return err
		}
		if at.Position < in.feed.Position() {
			return doubt("position %d follows %d", at.Position, in.feed.Position())
		}
		in.feed.reach(at.Position)
		return nil
	case t > wire.TypeHeartbeat || t == 0:
		return nil
	default:
		return doubt("a frame of type %d came out of order", t)
	}
}

func (in *intake) begin(payload []byte) error {
	h, err := wire.Decode[wire.Hello](payload)
	if err != nil {
		return err
	}
	if h.Version != wire.Version {
		return doubt("the ledger speaks version %d of the stream, this sidecar version %d", h.Version, wire.Version)
	}
	if h.Epoch == "" {
		return doubt("the ledger names no epoch")
	}
	// The frame's buffer is used again, and the key outlives it.
	key := slices.Clone(h.Key)
	if _, err := consent.NewTagger(key); err != nil {
		return doubt("the ledger's key: %v", err)
	}
	in.hello, in.phase = h, phaseSnapshot
	in.view = &view{purposes: h.Purposes, table: &facts.Table{}, taggers: &sync.Pool{New: func() any {
		tagger, _ := consent.NewTagger(key) // was tried above
		return tagger
	}}}
	in.feed.greet(h.Epoch, in.view)
	return nil
}

func (in *intake) add(payload []byte) error {
	m, err := wire.Decode[wire.People](payload)
	if err != nil {
		return err
	}
	for _, p := range m.People {
		c, err := in.person(p)
		if err != nil {
			return err
		}
		in.snapshot.Add(c)
		in.people++
	}
	return nil
}

func (in *intake) person(p wire.Person) (facts.Change, error) {
	if len(p.Tags) == 0 {
		return facts.Change{}, doubt("a person without a tag")
	}
	c := facts.Change{Tags: make([]consent.Tag, len(p.Tags)), Facts: p.Facts}
	for i, t := range p.Tags {
		c.Tags[i] = consent.Tag(t)
	}
	return c, nil
}

func (in *intake) finish(payload []byte) error {
	at, err := wire.Decode[wire.At](payload)
	if err != nil {
		return err
	}
	in.view.table.Replace(in.snapshot)
	in.snapshot = nil
	if err := in.feed.replace(in.view, in.hello.Epoch, at.Position, in.people); err != nil {
		return err
	}
	in.phase = phaseLive
	return nil
}

func (in *intake) change(payload []byte) error {
	m, err := wire.Decode[wire.Change](payload)
	if err != nil {
		return err
	}
	if want := in.feed.Position() + 1; m.Position != want {
		return doubt("position %d came where %d was due", m.Position, want)
	}
	c, err := in.person(m.Person)
	if err != nil {
		return err
	}
	before := in.known(c.Tags)
	in.view.table.Apply(c)
	after := 0
	if len(c.Facts) > 0 {
		after = 1
	}
	in.feed.people.Add(int64(after - before))
	in.feed.reach(m.Position)
	return nil
}

// known counts the people whom tags name. An event is about one person, so the positions of facts tell people apart.
func (in *intake) known(tags []consent.Tag) int {
	var seen []consent.Position
	for _, tag := range tags {
		for _, purpose := range in.view.purposes {
			if fact, ok := in.view.table.Lookup(tag, purpose); ok {
				if !slices.Contains(seen, fact.Position) {
					seen = append(seen, fact.Position)
				}
				break
			}
		}
	}
	return len(seen)
}
