package start

import (
	"encoding/json"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/ledger/wire"
	"github.com/optup/optup/test/bench/ours"
	"github.com/optup/optup/test/bench/people"
)

// position at which the snapshot was taken.
const position consent.Position = 1

// snapshotOf is what a ledger sends first: everything that it knows about everybody.
func snapshotOf(p people.Population, tags []consent.Tag) ([]byte, error) {
	var purposes []consent.PurposeID
	for n := range people.Purposes {
		purposes = append(purposes, people.Purpose(n))
	}
	out, err := wire.Append(nil, wire.TypeHello, wire.Hello{Version: wire.Version, Epoch: epoch, KeyID: "key", Key: ours.Key, Purposes: purposes, Timed: ours.Timed})
	if err != nil {
		return nil, err
	}
	if out, err = wire.Append(out, wire.TypeSnapshotBegin, nil); err != nil {
		return nil, err
	}
	// Combinations come before the people who have them. Both come in frames of a moderate size.
	numbers := map[people.Person]uint32{}
	var combinations, who []byte
	flush := func(t wire.Type, body *[]byte, least int) error {
		if len(*body) < least {
			return nil
		}
		out, err = wire.AppendRaw(out, t, *body)
		*body = (*body)[:0]
		return err
	}
	for i := range p.Count {
		x := p.Person(i)
		if _, ok := numbers[x]; ok {
			continue
		}
		numbers[x] = uint32(len(numbers))
		combinations = wire.AppendFacts(combinations, facts.Encode(nil, ours.Reduced(&x)))
		if err := flush(wire.TypeFacts, &combinations, frameSize); err != nil {
			return nil, err
		}
	}
	if err := flush(wire.TypeFacts, &combinations, 1); err != nil {
		return nil, err
	}
	for i := range p.Count {
		who = wire.AppendPerson(who, numbers[p.Person(i)], tags[i:i+1])
		if err := flush(wire.TypePeople, &who, frameSize); err != nil {
			return nil, err
		}
	}
	if err := flush(wire.TypePeople, &who, 1); err != nil {
		return nil, err
	}
	return wire.Append(out, wire.TypeSnapshotEnd, wire.At{Position: position})
}

// frameSize is how large frames become.
const frameSize = 64 << 10

// person is one person as JSON.
type person struct {
	Tag   string                             `json:"tag"`
	Facts map[consent.PurposeID]consent.Fact `json:"facts"`
}

// plainOf is the same for encoding/json, person by person.
func plainOf(p people.Population, tags []consent.Tag) ([]byte, error) {
	out := []byte{'['}
	for i := range p.Count {
		x := p.Person(i)
		text, err := json.Marshal(person{Tag: text(tags[i]), Facts: ours.Reduced(&x)})
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, text...)
	}
	return append(out, ']'), nil
}

func text(t consent.Tag) string {
	out, _ := wire.Tag(t).MarshalText() // never fails
	return string(out)
}

// compact has every combination of facts once.
type compact struct {
	Combinations []map[consent.PurposeID]consent.Fact `json:"combinations"`
	People       []numbered                           `json:"people"`
}

type numbered struct {
	Tag    string `json:"tag"`
	Number int    `json:"number"`
}

func compactOf(p people.Population, tags []consent.Tag) ([]byte, error) {
	var out compact
	numbers := map[people.Person]int{}
	for i := range p.Count {
		x := p.Person(i)
		n, ok := numbers[x]
		if !ok {
			n = len(out.Combinations)
			numbers[x] = n
			out.Combinations = append(out.Combinations, ours.Reduced(&x))
		}
		out.People = append(out.People, numbered{text(tags[i]), n})
	}
	return json.Marshal(out)
}
