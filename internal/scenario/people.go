package scenario

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
)

// Person is an identifier as cases write it: an e-mail address, "type:value", or an object with type and value. It is normalised and
// plain.
type Person consent.Identifier

var types = []consent.IdentifierType{consent.IdentifierEmail, consent.IdentifierPhone, consent.IdentifierCustomer, consent.IdentifierDevice}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Person) UnmarshalJSON(data []byte) error {
	id := consent.Identifier{}
	var short string
	if json.Unmarshal(data, &short) == nil {
		id = consent.Identifier{Type: consent.IdentifierEmail, Value: short}
		kind, value, found := strings.Cut(short, ":")
		if t := consent.IdentifierType(kind); found && slices.Contains(types, t) {
			id.Type, id.Value = t, value
		}
	} else if err := json.Unmarshal(data, &id); err != nil {
		return fmt.Errorf("a person is an address, type:value, or an object with type and value: %w", err)
	}
	if id.Form != "" && id.Form != consent.FormPlain {
		return fmt.Errorf("people of the ledger are named in plain form")
	}
	n, err := consent.Normalize(id)
	*p = Person(n)
	return err
}

// ledger is what was known at one moment: a number for each identifier, and what is known about them.
type ledger struct {
	numbers map[consent.Identifier]int64
	links   *consent.Links
}

// known tells what had happened by t. What a ledger would have refused has not.
func (c Case) known(t time.Time) ledger {
	l := ledger{numbers: map[consent.Identifier]int64{}}
	var members []consent.Member
	number := func(p Person) int64 {
		id := consent.Identifier(p)
		if l.numbers[id] == 0 {
			l.numbers[id] = int64(len(members) + 1)
			members = append(members, consent.Member{ID: l.numbers[id], Type: id.Type, Record: &consent.Record{}})
		}
		return l.numbers[id]
	}
	for _, e := range c.Ledger {
		number(e.Person)
		if e.With != nil {
			number(*e.With)
		}
	}
	l.links = consent.NewLinks(members, nil)
	for _, e := range c.Ledger {
		if e.At.After(t) {
			continue
		}
		named := []int64{number(e.Person)}
		if e.With != nil {
			named = append(named, number(*e.With))
		}
		if after, err := l.links.Append(e.Event, named); err == nil {
			l.links = after.Links
		}
	}
	return l
}

// Fact is what the ledger of the case knows at t about a person, whom the identifier names in plain form or by a hash.
func (c Case) Fact(i consent.Identifier, purpose consent.PurposeID, t time.Time) consent.Fact {
	i, err := consent.Normalize(i)
	if err != nil {
		return consent.Fact{}
	}
	l := c.known(t)
	for plain, number := range l.numbers {
		if plain == i || slices.Contains(consent.Derived(plain), i) {
			return consent.Project(l.links.Effective(number), purpose, t)
		}
	}
	return consent.Fact{}
}
