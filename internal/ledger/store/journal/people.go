package journal

import (
	"encoding/json"
	"errors"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// DecodeRecord reads a record that is kept.
func DecodeRecord(raw []byte) (*consent.Record, error) {
	d := decoders.Get().(*decoder)
	defer decoders.Put(d)
	return d.decode(raw)
}

func (d *decoder) decode(raw []byte) (*consent.Record, error) {
	if r := d.record(raw); r != nil {
		return r, nil
	}
	r := &consent.Record{}
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, errors.New("a record in the database cannot be read; restore a backup")
	}
	return r, nil
}

// JoinTags gives tags as they are kept in one value: one after the other.
func JoinTags(tags []consent.Tag) []byte {
	out := make([]byte, 0, len(tags)*len(consent.Tag{}))
	for i := range tags {
		out = append(out, tags[i][:]...)
	}
	return out
}

// SplitTags reads joined tags.
func SplitTags(raw []byte) []consent.Tag {
	return appendTags(make([]consent.Tag, 0, len(raw)/len(consent.Tag{})), raw)
}

func appendTags(to []consent.Tag, raw []byte) []consent.Tag {
	const size = len(consent.Tag{})
	for ; len(raw) >= size; raw = raw[size:] {
		to = append(to, consent.Tag(raw[:size]))
	}
	return to
}

// Links gives the links of whole clusters that are loaded.
func (l *Loaded) links() *consent.Links {
	members := make([]consent.Member, len(l.Identities))
	for i, id := range l.Identities {
		members[i] = consent.Member{ID: id.ID, Type: id.Type, Record: id.Record}
	}
	return consent.NewLinks(members, l.Links)
}

// People gives everybody in whole clusters that are loaded; the identities of one person follow each other.
func (l *Loaded) People() []store.Person {
	if len(l.Identities) == 1 {
		id := &l.Identities[0]
		return []store.Person{{Group: id.ID, Tags: id.Tags, Type: id.Type, Record: id.Record}}
	}
	links := l.links()
	groups := map[int64][]store.Person{}
	var order []int64
	for _, id := range l.Identities {
		g := links.Group(id.ID)
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], store.Person{Group: g, Tags: id.Tags, Type: id.Type, Record: links.Effective(id.ID)})
	}
	out := make([]store.Person, 0, len(l.Identities))
	for _, g := range order {
		out = append(out, groups[g]...)
	}
	return out
}

// Named gives the number of the identity that a tag names; 0 for nobody.
func (l *Loaded) Named(tag consent.Tag) int64 {
	for _, id := range l.Identities {
		for _, t := range id.Tags {
			if t == tag {
				return id.ID
			}
		}
	}
	return 0
}

// Effective gives the effective record of the identity that a tag names; the zero Record for nobody.
func (l *Loaded) Effective(tag consent.Tag) *consent.Record {
	return l.links().Effective(l.Named(tag))
}

// SamePerson gives the tags of all identities of the people whom some tags name, those given first.
func (l *Loaded) SamePerson(tags []consent.Tag) []consent.Tag {
	out := append([]consent.Tag(nil), tags...)
	seen := map[consent.Tag]bool{}
	for _, t := range tags {
		seen[t] = true
	}
	links := l.links()
	for _, t := range tags {
		for _, person := range links.Person(l.Named(t)) {
			for _, id := range l.Identities {
				if id.ID != person {
					continue
				}
				for _, other := range id.Tags {
					if !seen[other] {
						seen[other] = true
						out = append(out, other)
					}
				}
			}
		}
	}
	return out
}
