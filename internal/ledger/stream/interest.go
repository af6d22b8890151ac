package stream

import (
	"slices"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// interest is what a subscriber wants to know: purposes, and those of them for which times count. Both are sorted and distinct.
type interest struct {
	purposes, timed []consent.PurposeID
}

func newInterest(purposes, timed []consent.PurposeID) interest {
	timed = slices.DeleteFunc(slices.Clone(timed), func(p consent.PurposeID) bool { return !slices.Contains(purposes, p) })
	slices.Sort(timed)
	return interest{purposes: slices.Clone(purposes), timed: slices.Compact(timed)}
}

// key is equal for equal interests.
func (n interest) key() string {
	var b strings.Builder
	for _, p := range n.purposes {
		b.WriteString(string(p))
		b.WriteByte(0)
		if slices.Contains(n.timed, p) {
			b.WriteByte(1)
		}
	}
	return b.String()
}

// facts projects one person to what is of interest, and reduces that. Purposes about which nothing is known are left out; with none
// left, the person is one without facts.
func (n interest) facts(r *consent.Record, t time.Time) map[consent.PurposeID]consent.Fact {
	var out map[consent.PurposeID]consent.Fact
	for _, purpose := range n.purposes {
		f, known := decide.Reduce(consent.Project(r, purpose, t), slices.Contains(n.timed, purpose))
		if !known {
			continue
		}
		if out == nil {
			out = make(map[consent.PurposeID]consent.Fact, len(n.purposes))
		}
		out[purpose] = f
	}
	return out
}

func (n interest) person(p store.Person, t time.Time) wire.Person {
	out := wire.Person{Tags: make([]wire.Tag, len(p.Tags)), Facts: n.facts(p.Record, t)}
	for i, tag := range p.Tags {
		out.Tags[i] = wire.Tag(tag)
	}
	return out
}

// picture is a snapshot that is being written: frames of combinations, each before the people who need it.
type picture struct {
	frames       [][]byte
	numbers      map[string]uint32
	combinations []byte
	people       []byte
	scratch      []byte
}

// add adds one person.
func (p *picture) add(tags []consent.Tag, known map[consent.PurposeID]consent.Fact) error {
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

func (p *picture) flush() error {
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
