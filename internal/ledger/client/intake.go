package client

import (
	"errors"
	"fmt"
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
	feed   *Feed
	phase  phase
	hello  wire.Hello
	view   *View
	loader *facts.Loader
	people wire.Tags
	// asked is a position that the ledger waits for; applied is called once it is reached.
	asked   consent.Position
	applied func()
	// pong takes answers to pings that went over the stream.
	pong func(payload []byte) error
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
		in.phase, in.view = phasePeople, in.view.anew()
		in.loader = in.view.table.Load()
		return nil
	case t == wire.TypeFacts && in.phase == phasePeople:
		return wire.EachFacts(payload, func(combination []byte) error { return broken(in.loader.Define(combination)) })
	case t == wire.TypePeople && in.phase == phasePeople:
		return in.add(payload)
	case t == wire.TypeSnapshotEnd && in.phase == phasePeople:
		return in.finish(payload)
	case t == wire.TypeChange && in.phase == phaseLive:
		return in.change(payload)
	case t == wire.TypePosition && in.phase == phaseLive:
		return in.pass(payload)
	case t == wire.TypeResumed && in.phase == phaseSnapshot:
		return in.resume(payload)
	case t == wire.TypePong && in.phase > phaseHello:
		return in.pong(payload)
	case t == wire.TypeAsk:
		at, err := wire.Decode[wire.At](payload)
		if err == nil {
			in.asked = max(in.asked, at.Position)
			in.reached()
		}
		return err
	case t > wire.TypeAsk || t == 0:
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
	if h.Version < wire.Oldest || h.Version > wire.Version {
		return doubt("the ledger speaks version %d of the stream, this sidecar versions %d to %d", h.Version, wire.Oldest, wire.Version)
	}
	if h.Epoch == "" {
		return doubt("the ledger names no epoch")
	}
	// Before version 3 nothing can be compared.
	if held := in.feed.holding(h.Epoch); h.Version >= 3 && held.text != "" && h.Proven != held.at {
		return contradiction(held.at)
	}
	// The frame's buffer is used again, and the key outlives it.
	key, later := slices.Clone(h.Key), make([][]byte, len(h.Later))
	for i := range later {
		later[i] = slices.Clone(h.Later[i])
	}
	if _, err := consent.NewTagger(key, later...); err != nil {
		return doubt("the ledger's key: %v", err)
	}
	in.hello, in.phase = h, phaseSnapshot
	in.view = &View{purposes: h.Purposes, table: facts.New(), taggers: &sync.Pool{New: func() any {
		tagger, _ := consent.NewTagger(key, later...) // was tried above
		return tagger
	}}}
	in.feed.greet(h.Epoch, in.view)
	return nil
}

// broken tells that a ledger's combination makes no sense. That there are too many of them is another failure.
func broken(err error) error {
	if errors.Is(err, facts.ErrCombination) {
		return fmt.Errorf("%w: %w", wire.ErrFrame, err)
	}
	return err
}

func (in *intake) add(payload []byte) error {
	if err := in.people.Read(payload); err != nil {
		return err
	}
	return broken(in.loader.Add(in.people.Tags, in.people.Numbers))
}

func (in *intake) finish(payload []byte) error {
	at, err := wire.Decode[wire.At](payload)
	if err != nil {
		return err
	}
	in.view.plain.Store(at.Plain)
	if err := in.loader.Finish(); err != nil {
		return doubt("%v", err)
	}
	in.loader, in.people = nil, wire.Tags{}
	if err := in.feed.replace(in.view, in.hello, at); err != nil {
		return err
	}
	in.phase = phaseLive
	in.reached()
	return nil
}

// resume goes on with the facts from before the connection.
func (in *intake) resume(payload []byte) error {
	at, err := wire.Decode[wire.At](payload)
	if err != nil {
		return err
	}
	if in.view, err = in.feed.resume(in.hello, at.Position); err != nil {
		return err
	}
	in.phase = phaseLive
	in.reached()
	return nil
}

// pass takes a position up to which nothing concerns this sidecar.
func (in *intake) pass(payload []byte) error {
	at, err := wire.Decode[wire.At](payload)
	if err != nil {
		return err
	}
	if at.Position < in.feed.Position() {
		return doubt("position %d follows %d", at.Position, in.feed.Position())
	}
	in.feed.reach(at.Position, checkpoint{at.Checkpoint, at.Position})
	in.reached()
	return nil
}

// reached tells the ledger once what it waits for is in force.
func (in *intake) reached() {
	if in.asked != 0 && in.phase == phaseLive && in.feed.Position() >= in.asked {
		in.asked = 0
		in.applied()
	}
}

func (in *intake) change(payload []byte) error {
	m, err := in.decode(payload)
	if err != nil {
		return err
	}
	if want := in.feed.Position() + 1; m.Position != want {
		return doubt("position %d came where %d was due", m.Position, want)
	}
	changes := make([]facts.Change, len(m.People))
	for i, p := range m.People {
		if len(p.Tags) == 0 {
			return doubt("a person without a tag")
		}
		changes[i] = facts.Change{Tags: make([]consent.Tag, len(p.Tags)), Facts: p.Facts}
		for j, t := range p.Tags {
			changes[i].Tags[j] = consent.Tag(t)
		}
	}
	if m.Hashed {
		in.view.plain.Store(false) // before there is something to find
	}
	if err := in.view.table.Apply(changes...); err != nil {
		return doubt("%v", err) // a part of it may be in force, and the table may take no other change
	}
	in.feed.reach(m.Position, checkpoint{m.Checkpoint, max(m.Position, m.Covers)})
	in.reached()
	return nil
}

// decode reads a change in the version of the stream.
func (in *intake) decode(payload []byte) (wire.Change, error) {
	if in.hello.Version >= 3 {
		m, err := wire.Decode[wire.Change](payload)
		if err == nil && len(m.People) == 0 {
			err = doubt("a change of nobody")
		}
		return m, err
	}
	m, err := wire.Decode[wire.Single](payload)
	return wire.Change{Position: m.Position, Hashed: m.Hashed, People: []wire.Person{m.Person}}, err
}
