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

// ledger is what was known at one moment: a record for each identifier, and which identifiers belong together.
type ledger struct {
	records map[consent.Identifier]*consent.Record
	links   map[consent.Identifier][]consent.Identifier
}

// known folds what had happened by t.
func (c Case) known(t time.Time) ledger {
	l := ledger{records: map[consent.Identifier]*consent.Record{}, links: map[consent.Identifier][]consent.Identifier{}}
	for _, e := range c.Ledger {
		if e.At.After(t) {
			continue
		}
		id := consent.Identifier(e.Person)
		l.apply(id, e.Event)
		if e.With == nil {
			continue
		}
		with := consent.Identifier(*e.With)
		l.apply(with, e.Event)
		l.cut(id, with)
		l.cut(with, id)
		if e.Type == consent.EventLinked {
			l.links[id], l.links[with] = append(l.links[id], with), append(l.links[with], id)
		}
	}
	for id, r := range l.records {
		r.Ambiguous = l.ambiguous(id)
	}
	return l
}

func (l ledger) apply(id consent.Identifier, e consent.Event) {
	if l.records[id] == nil {
		l.records[id] = &consent.Record{}
	}
	l.records[id].Apply(e)
}

func (l ledger) cut(from, to consent.Identifier) {
	l.links[from] = slices.DeleteFunc(l.links[from], func(o consent.Identifier) bool { return o == to })
}

// ambiguous: what two addresses share, for example a device, stands for neither of them.
func (l ledger) ambiguous(id consent.Identifier) bool {
	addresses := 0
	for _, o := range l.links[id] {
		if o.Type == consent.IdentifierEmail {
			addresses++
		}
	}
	return id.Type != consent.IdentifierEmail && addresses > 1
}

// record is that of one identifier, with what it inherits from those that it is linked to, directly or by way of others.
func (l ledger) record(id consent.Identifier) *consent.Record {
	own := l.records[id]
	if own == nil {
		return nil
	}
	seen := []consent.Identifier{id}
	var others []*consent.Record
	for i := 0; i < len(seen); i++ {
		for _, o := range l.links[seen[i]] {
			if !slices.Contains(seen, o) {
				seen, others = append(seen, o), append(others, l.records[o])
			}
		}
	}
	return consent.Inherit(own, others...)
}

// Fact is what the ledger of the case knows at t about a person, whom the identifier names in plain form or by a hash.
func (c Case) Fact(i consent.Identifier, purpose consent.PurposeID, t time.Time) consent.Fact {
	i, err := consent.Normalize(i)
	if err != nil {
		return consent.Fact{}
	}
	l := c.known(t)
	for plain := range l.records {
		if plain == i || slices.Contains(consent.Derived(plain), i) {
			return consent.Project(l.record(plain), purpose, t)
		}
	}
	return consent.Fact{}
}
