package journal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

// Replay appends a log again, in memory, by what decided about it the first time: it gives what a database would hold. It is for whoever
// checks a database, or fills one. It is not safe for concurrent use.
type Replay struct{ b *batch }

// NewReplay begins with an empty log.
func NewReplay() *Replay { return &Replay{b: newBatch()} }

func newBatch() *batch {
	return &batch{tags: map[consent.Tag]int64{}, identities: map[int64]*identity{}, clusters: map[int64]*consent.Links{}, keys: map[string]Key{}}
}

// Begin sets the head that an empty log begins with.
func (r *Replay) Begin(h Head) { r.b.head = h }

// Root is the root of the log as far as it was taken.
func (r *Replay) Root() proof.Hash { return r.b.head.Frontier.Root() }

// AddRow reads the entry of the next place and appends it.
func (r *Replay) AddRow(l store.Logged) error {
	entry, err := store.DecodeEntry(l.Entry)
	if err != nil || len(l.Salt) != proof.SaltSize {
		return errors.Join(err, fmt.Errorf("the salt of position %d has %d bytes", l.Position, len(l.Salt)))
	}
	r.Add(Replayed{Logged: l, Entry: entry})
	return nil
}

// Replayed is one place of the log with what it says.
type Replayed struct {
	store.Logged
	Entry store.Entry
}

// Add appends the next place. What could not be appended to what is left of the log counts for its position alone.
func (r *Replay) Add(p Replayed) {
	b, e := r.b, p.Entry.Event
	e.Position = p.Position
	identities := make([]store.Identity, len(p.Entry.Identities))
	hashed := false
	for i, id := range p.Entry.Identities {
		identities[i] = store.Identity{Type: id.Type, Plain: id.Plain, Twice: id.Twice}
		for _, t := range id.Tags {
			identities[i].Tags = append(identities[i].Tags, consent.Tag(t))
		}
		hashed = hashed || !id.Plain
	}
	who := b.resolve(identities)
	out, err := who.links.Append(e, who.named)
	if err != nil {
		// What it rests on was erased with the person.
		out = consent.Appended{Links: who.links}
	}
	row := Event{Position: e.Position, Entry: p.Logged.Entry, Salt: proof.Salt(p.Salt), Leaf: p.Leaf, Named: who.named}
	if e.Type == consent.EventUnlinked {
		row.Touched = others(who.links, who.named)
	}
	b.keep(who, out)
	b.file(&row)
	b.delta.Events = append(b.delta.Events, row)
	b.head.Position, b.head.At, b.head.Hashed = e.Position, e.At, b.head.Hashed || hashed
}

// Skip appends the next place, whose content was erased.
func (r *Replay) Skip(position consent.Position, leaf proof.Hash) {
	r.b.delta.Events = append(r.b.delta.Events, Event{Position: position, Leaf: leaf})
	r.b.head.Position = position
}

// Find gives the identity that has the first of some tags that is known.
func (r *Replay) Find(tags []consent.Tag) (Identity, bool) {
	for _, t := range tags {
		if id, ok := r.b.tags[t]; ok {
			return r.b.identities[id].Identity, true
		}
	}
	return Identity{}, false
}

// Identities gives all identities by number.
func (r *Replay) Identities() []Identity {
	out := make([]Identity, 0, len(r.b.identities))
	for _, id := range r.b.identities {
		out = append(out, id.Identity)
	}
	slices.SortFunc(out, func(a, b Identity) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Links gives all links, in no order.
func (r *Replay) Links() []consent.Link {
	var out []consent.Link
	seen := map[*consent.Links]bool{}
	for _, l := range r.b.clusters {
		if !seen[l] {
			seen[l] = true
			out = append(out, l.Links()...)
		}
	}
	return out
}

// Take gives what has come about since the last call, to be written in one transaction, and forgets it.
func (r *Replay) Take() *Delta {
	b := r.b
	d := *b.finish()
	for _, id := range b.touched {
		id.added, id.touched = false, false
	}
	b.touched, b.delta, b.changes = nil, Delta{}, nil
	return &d
}

// Forget forgets what would have to be written.
func (r *Replay) Forget() { _ = r.Take() }
