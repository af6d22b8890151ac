package journal

import (
	"errors"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// resolved says whom an event is about. Nothing of it is in the batch yet.
type resolved struct {
	named []int64
	// links are those of the clusters of all that are named.
	links *consent.Links
	// added are new identities, and tags says whose new tags are.
	added []*identity
	tags  []TaggedID
}

// resolve finds identities by their tags. Forms of one identifier that came to be known one by one stay identities of their own, and are
// all meant; what is new about the identifier belongs to the first of them.
func (b *batch) resolve(identities []store.Identity) resolved {
	out := resolved{}
	var types map[int64]consent.IdentifierType
	for i := range identities {
		in := &identities[i]
		ids := b.find(in.Tags, out.tags)
		if len(ids) == 0 {
			one := &identity{Identity: Identity{ID: b.head.LastID + int64(len(out.added)) + 1, Type: in.Type, Record: &consent.Record{}}, added: true}
			one.Cluster = one.ID
			out.added = append(out.added, one)
			ids = []int64{one.ID}
		}
		for n, t := range in.Tags {
			if b.whose(t, out.tags) != 0 {
				continue
			}
			whose := ids[0]
			// What is new under one key belongs to whom it names under the other.
			if pairs := in.Pairs(); pairs > 0 {
				if twin := b.whose(in.Tags[(n+pairs)%len(in.Tags)], out.tags); twin != 0 {
					whose = twin
				}
			}
			out.tags = append(out.tags, TaggedID{Tag: t, ID: whose})
		}
		for _, id := range ids {
			if !slices.Contains(out.named, id) {
				out.named = append(out.named, id)
			}
			if one := b.identities[id]; one != nil && one.Type == "" && in.Type != "" {
				if types == nil {
					types = map[int64]consent.IdentifierType{}
				}
				types[id] = in.Type
			}
		}
	}
	out.links = b.links(out.named, out.added, types)
	return out
}

// find gives those whom tags name, the first that came to be known first.
func (b *batch) find(tags []consent.Tag, added []TaggedID) []int64 {
	var ids []int64
	for _, t := range tags {
		if id := b.whose(t, added); id != 0 && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// whose gives whom a tag names; 0 for nobody.
func (b *batch) whose(t consent.Tag, added []TaggedID) int64 {
	for i := range added {
		if added[i].Tag == t {
			return added[i].ID
		}
	}
	return b.tags[t]
}

// links gives those of all clusters that are named, together.
func (b *batch) links(named []int64, added []*identity, types map[int64]consent.IdentifierType) *consent.Links {
	if len(named) == 1 && len(added) == 0 && len(types) == 0 {
		return b.clusters[named[0]]
	}
	var members []consent.Member
	var links []consent.Link
	var seen []*consent.Links
	for _, id := range named {
		l := b.clusters[id]
		if l == nil || slices.Contains(seen, l) {
			continue
		}
		seen = append(seen, l)
		members = append(members, l.Members()...)
		links = append(links, l.Links()...)
	}
	for i := range members {
		if t, ok := types[members[i].ID]; ok {
			members[i].Type = t
		}
	}
	for _, one := range added {
		members = append(members, consent.Member{ID: one.ID, Type: one.Type, Record: one.Record})
	}
	return consent.NewLinks(members, links)
}

// errFault is a fault of ours that concerns one event.
var errFault = errors.New("the event cannot be applied, and nothing of it was; this is a fault of the ledger")

// decide lets an event that makes us panic fail by itself. Nothing of it is in the batch by then.
func decide(who resolved, e consent.Event) (out consent.Appended, err error) {
	defer func() {
		if recover() != nil { // what a panic says may be about a person
			err = errFault
		}
	}()
	return who.links.Append(e, who.named)
}
