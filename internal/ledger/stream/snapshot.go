package stream

import (
	"context"
	"errors"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

const (
	// frameSize is about how many bytes of a snapshot go into one frame.
	frameSize = 64 << 10
	// pictureLife is for how long a snapshot is kept for others of its scope, who often come at the same time.
	pictureLife = 5 * time.Second
	pictureTime = 10 * time.Minute
)

var errGap = errors.New("the changes that followed are not there any more")

// picture is a snapshot of one scope, ready or being read. What is in it does not change once it is done.
type picture struct {
	done   chan struct{}
	head   store.Head
	frames [][]byte
	err    error
}

// picture gives a snapshot for a scope, from which the scope's ring goes on. Whoever asks meanwhile shares it.
func (s *Server) picture(sc *scope) *picture {
	s.Hub.mu.Lock()
	defer s.Hub.mu.Unlock()
	if p := sc.picture; p != nil && sc.goesOn(p) {
		return p
	}
	p := &picture{done: make(chan struct{})}
	sc.picture = p
	go func() {
		s.draw(p, sc.wants)
		close(p.done)
		time.AfterFunc(pictureLife, func() {
			s.Hub.mu.Lock()
			defer s.Hub.mu.Unlock()
			if sc.picture == p {
				sc.picture = nil
			}
		})
	}()
	return p
}

// goesOn tells whether a picture is of use to somebody who comes now.
func (sc *scope) goesOn(p *picture) bool {
	select {
	case <-p.done:
	default:
		return true
	}
	if p.err != nil {
		return false
	}
	_, ok := sc.ring.after(p.head.Position)
	return ok
}

// draw reads a snapshot. It is read into memory before it is written, so that a slow subscriber never holds the database.
func (s *Server) draw(p *picture, wants interest) {
	s.snapshots <- struct{}{}
	defer func() { <-s.snapshots }()
	ctx, cancel := context.WithTimeout(context.Background(), pictureTime)
	defer cancel()
	// Nothing in a record is later than the head, which is read together with it. The horizon lies beyond, so that what is
	// committed right now is not taken for something of the future and left out.
	horizon := s.Now().AddDate(100, 0, 0)
	d := drawing{numbers: map[string]uint32{}}
	p.head, p.err = s.Store.Snapshot(ctx, func(one store.Person) error {
		select {
		case <-s.Hub.stopped:
			return ErrEnded
		default:
		}
		return d.add(wants.tags(one.Tags), wants.facts(one.Record, horizon))
	})
	if p.err == nil {
		p.err = d.flush()
	}
	p.frames = d.frames
	if p.err != nil {
		return
	}
	text, err := s.checkpoint(p.head)
	if err != nil {
		p.err = err
		return
	}
	end, err := wire.Append(nil, wire.TypeSnapshotEnd, wire.At{Position: p.head.Position, Plain: !p.head.Hashed, Checkpoint: text})
	p.frames, p.err = append(p.frames, end), err
}

// drawing is a snapshot that is being written: frames of combinations, each before the people who need it.
type drawing struct {
	frames       [][]byte
	numbers      map[string]uint32
	combinations []byte
	people       []byte
	scratch      []byte
}

// add adds one person.
func (p *drawing) add(tags []consent.Tag, known map[consent.PurposeID]consent.Fact) error {
	if len(known) == 0 || len(tags) == 0 {
		return nil
	}
	p.scratch = facts.Encode(p.scratch[:0], known)
	number, ok := p.numbers[string(p.scratch)]
	if !ok {
		number = uint32(len(p.numbers))
		p.numbers[string(p.scratch)] = number
		p.combinations = wire.AppendFacts(p.combinations, p.scratch)
	}
	p.people = wire.AppendPerson(p.people, number, tags)
	if len(p.people) < frameSize && len(p.combinations) < frameSize {
		return nil
	}
	return p.flush()
}

func (p *drawing) flush() error {
	for _, part := range []struct {
		t    wire.Type
		body *[]byte
	}{{wire.TypeFacts, &p.combinations}, {wire.TypePeople, &p.people}} {
		if len(*part.body) == 0 {
			continue
		}
		raw, err := wire.AppendRaw(nil, part.t, *part.body)
		if err != nil {
			return err
		}
		p.frames = append(p.frames, raw)
		*part.body = (*part.body)[:0]
	}
	return nil
}
