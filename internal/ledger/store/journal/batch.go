package journal

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

// batch is what is known while one transaction is decided.
type batch struct {
	head Head
	at   time.Time
	// atText is at as JSON, once it was needed.
	atText []byte
	// tags, identities and keys are those that are loaded, and those that the batch adds. What was asked for and is not there leads to 0.
	// Clusters are by each of their identities.
	tags       map[consent.Tag]int64
	identities map[int64]*identity
	clusters   map[int64]*consent.Links
	keys       map[string]Key

	unproven bool
	random   []byte // for salts

	touched []*identity // that are added or changed, in this order
	delta   Delta
	changes []store.Change
	// expected are the tags that the transaction was told of before there was a head, and expectedKeys the keys of the same events.
	expected     []consent.Tag
	expectedKeys []string
	// spare is memory for the lists of a delta, grown the most events of those that used the same memory, and had those of the batch before.
	spare      Delta
	grown, had int
}

type identity struct {
	Identity
	added, touched bool
}

// begin begins a batch.
func (j *Journal) begin(ctx context.Context, tx Tx, in *intake) (*batch, error) {
	b := j.batch
	if t, ok := tx.(Expecting); ok {
		b.expected, b.expectedKeys = b.wanted(in.jobs)
		t.Expect(b.expected)
	}
	head, err := tx.Head(ctx)
	if err != nil {
		return nil, err
	}
	b.head, b.at, b.unproven = head, head.At, j.unproven
	b.changes = make([]store.Change, 0, b.had) // which those who watch may keep
	b.delta, b.spare = b.spare, Delta{}
	return b, nil
}

// end forgets what a batch knew, but for the memory of its maps and lists: the next one is likely to have as much. Nobody keeps the lists of a delta
// once its transaction has ended.
func (b *batch) end() {
	d, had := &b.delta, len(b.delta.Events)
	grown := max(b.grown, had)
	if had < grown/16 { // maps that a burst made large take long to clear
		*b = *newBatch()
		return
	}
	clear(b.tags)
	clear(b.identities)
	clear(b.clusters)
	clear(b.keys)
	spare := Delta{Events: emptied(d.Events), Added: emptied(d.Added), Tags: emptied(d.Tags), Keys: emptied(d.Keys)}
	*b = batch{
		tags: b.tags, identities: b.identities, clusters: b.clusters, keys: b.keys, random: b.random, touched: emptied(b.touched), spare: spare,
		grown: grown, had: had,
	}
}

func emptied[T any](list []T) []T {
	clear(list)
	return list[:0]
}

// completed gives every identity the tags that the log's scheme asks for. The head is locked, so that nobody is appended without them once a
// key is being introduced. What callers hold is left as it is.
func (j *Journal) completed(jobs []*job, now store.Scheme) error {
	for _, one := range jobs {
		for i := range one.events {
			if !slices.ContainsFunc(one.events[i].Identities, func(id store.Identity) bool { return lacks(id, now) }) {
				continue
			}
			one.events = slices.Clone(one.events)
			all := slices.Clone(one.events[i].Identities)
			one.events[i].Identities, one.entries[i] = all, prepared{} // what was prepared names fewer tags
			for n := range all {
				if !lacks(all[n], now) {
					continue
				}
				if err := j.complete(&all[n], now); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func lacks(id store.Identity, now store.Scheme) bool {
	return id.Scheme != (store.Scheme{}) && id.Scheme != now
}

// wanted gives the tags and keys of some jobs that the batch has not asked for.
func (b *batch) wanted(jobs []*job) (tags []consent.Tag, keys []string) {
	for _, one := range jobs {
		for i := range one.events {
			for _, id := range one.events[i].Identities {
				for _, t := range id.Tags {
					if _, asked := b.tags[t]; !asked {
						b.tags[t] = 0
						tags = append(tags, t)
					}
				}
			}
			if k := one.events[i].Key; k != "" && isText(k) {
				if _, asked := b.keys[k]; !asked {
					b.keys[k] = Key{}
					keys = append(keys, k)
				}
			}
		}
	}
	return tags, keys
}

// isText tells whether every database takes a string. One that does not would fail a whole batch.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

func (b *batch) take(loaded Loaded) {
	clusters, links := map[int64][]consent.Member{}, map[int64][]consent.Link{}
	for _, id := range loaded.Identities {
		// Clusters are loaded whole. One that is known may have become another since.
		if b.identities[id.ID] != nil {
			continue
		}
		b.identities[id.ID] = &identity{Identity: id}
		clusters[id.Cluster] = append(clusters[id.Cluster], consent.Member{ID: id.ID, Type: id.Type, Record: id.Record})
		for _, t := range id.Tags {
			b.tags[t] = id.ID
		}
	}
	for _, k := range loaded.Links {
		if id := b.identities[k.ID]; id != nil {
			links[id.Cluster] = append(links[id.Cluster], k)
		}
	}
	for cluster, members := range clusters {
		all := consent.NewLinks(members, links[cluster])
		for _, m := range members {
			b.clusters[m.ID] = all
		}
	}
	for _, k := range loaded.Keys {
		b.keys[k.Key] = k
	}
}

// append appends one event. An error refuses it; then nothing of it is in the batch.
func (b *batch) append(in *store.Append, p prepared) (store.Result, error) {
	if !isText(in.Key) {
		return store.Result{}, fmt.Errorf("%w: the idempotency key is no text", consent.ErrInvalid)
	}
	if k := b.keys[in.Key]; in.Key != "" && k.Position != 0 {
		if k.Digest != in.Digest {
			return store.Result{}, store.ErrIdempotency
		}
		return store.Result{Position: k.Position, At: k.At, Leaf: k.Leaf, Replayed: true}, nil
	}
	e := in.Event
	e.Position, e.At = b.head.Position+1, b.at
	who := b.resolve(in.Identities)
	out, err := decide(who, e)
	if err != nil {
		return store.Result{}, err
	}
	row := Event{Position: e.Position, Named: who.named}
	if row.Entry, err = b.entry(e, in.Identities, p); err != nil {
		return store.Result{}, fmt.Errorf("%w: the event cannot be written as JSON", consent.ErrInvalid)
	}
	if !b.unproven {
		row.Salt = b.salt()
		row.Leaf = proof.Leaf(row.Salt, row.Entry)
	}
	if e.Type == consent.EventUnlinked {
		row.Touched = others(who.links, who.named)
	}
	b.keep(who, out)
	b.file(&row)
	b.erase(e, out)
	for _, a := range attachments(in, e) {
		b.delta.Attachments = append(b.delta.Attachments, Attachment{Attachment: a, Position: e.Position, Identity: who.named[0]})
	}
	if in.Key != "" {
		k := Key{Key: in.Key, Digest: in.Digest, Position: e.Position, At: e.At, Leaf: row.Leaf}
		b.keys[in.Key] = k
		b.delta.Keys = append(b.delta.Keys, k)
	}
	b.delta.Events = append(b.delta.Events, row)
	hashed := slices.ContainsFunc(in.Identities, func(id store.Identity) bool { return !id.Plain })
	b.head.Position, b.head.At, b.head.Hashed = e.Position, e.At, b.head.Hashed || hashed
	b.changes = append(b.changes, store.Change{People: b.people(out), Event: e, Hashed: hashed})
	return store.Result{Position: e.Position, At: e.At, Leaf: row.Leaf}, nil
}

// entry encodes an event. What was prepared is of the same event, but for what has just been set.
func (b *batch) entry(e consent.Event, identities []store.Identity, p prepared) (raw []byte, err error) {
	if !p.ok {
		return store.EncodeEntry(e, identities)
	}
	if b.atText == nil {
		if b.atText, err = b.at.MarshalJSON(); err != nil {
			return nil, err
		}
	}
	return p.Encode(e.Position, b.atText), nil
}

// salt gives fresh random bytes. They are read for many events at a time.
func (b *batch) salt() (s proof.Salt) {
	if len(b.random) == 0 {
		b.random = make([]byte, 64*proof.SaltSize)
		_, _ = rand.Read(b.random) // it never fails
	}
	b.random = b.random[copy(s[:], b.random):]
	return s
}

// attachments are those of an event. Evidence is looked at again by whoever sees to its retention. A request for erasure leaves word of itself, so that no caller can forget to see to it.
func attachments(in *store.Append, e consent.Event) []store.Attachment {
	out := slices.Clone(in.Attachments)
	for i := range out {
		if out[i].Kind == store.KindEvidence && out[i].Due.IsZero() {
			out[i].Due = e.At.Add(store.EvidenceLook)
		}
	}
	if e.Type == consent.EventErasureRequested {
		out = append(out, store.Attachment{Kind: store.KindErasure, Due: e.At})
	}
	return out
}

func others(l *consent.Links, named []int64) []int64 {
	var out []int64
	for _, m := range l.Members() {
		if !slices.Contains(named, m.ID) {
			out = append(out, m.ID)
		}
	}
	return out
}

// keep takes what an event came to into the batch.
func (b *batch) keep(who resolved, out consent.Appended) {
	for _, id := range who.added {
		b.head.LastID = id.ID
		b.identities[id.ID] = id
		b.touch(id)
	}
	for _, t := range who.tags {
		b.tags[t.Tag] = t.ID
		b.delta.Tags = append(b.delta.Tags, t)
		one := b.identities[t.ID]
		one.Tags = append(slices.Clip(one.Tags), t.Tag) // those of earlier changes are shared
		b.touch(one)
	}
	for _, m := range out.Links.Members() {
		one := b.identities[m.ID]
		if one.Record != m.Record || one.Type != m.Type {
			one.Record, one.Type = m.Record, m.Type
			b.touch(one)
		}
	}
	b.relink(out)
}

// relink takes new links, and those that are no more. A link is a row of its own, so one that this batch added is not to be deleted.
func (b *batch) relink(out consent.Appended) {
	for _, k := range out.Unlinked {
		if i := slices.Index(b.delta.Links, k); i >= 0 {
			b.delta.Links = slices.Delete(b.delta.Links, i, i+1)
		} else {
			b.delta.Unlinked = append(b.delta.Unlinked, k)
		}
	}
	b.delta.Links = append(b.delta.Links, out.Linked...)
	if len(out.Linked) > 0 {
		for _, m := range out.Links.Members() {
			b.move(m.ID, out.Links.Members()[0].ID, out.Links)
		}
		return
	}
	if all := out.Links.Members(); len(all) == 1 {
		b.move(all[0].ID, all[0].ID, out.Links)
		return
	}
	for _, ids := range out.Links.Clusters() {
		part := out.Links.Part(ids)
		for _, id := range ids {
			b.move(id, ids[0], part)
		}
	}
}

func (b *batch) move(id, cluster int64, all *consent.Links) {
	b.clusters[id] = all
	if one := b.identities[id]; one.Cluster != cluster {
		one.Cluster = cluster
		b.touch(one)
	}
}

// file makes an event the newest one of the identity that it names first.
func (b *batch) file(row *Event) {
	one := b.identities[row.Named[0]]
	row.Previous, one.Latest = one.Latest, row.Position
	b.touch(one)
}

func (b *batch) touch(id *identity) {
	if !id.touched {
		b.touched = append(b.touched, id)
	}
	id.touched = true
}

// erase deletes what the log says about the person before an erasure.
func (b *batch) erase(e consent.Event, out consent.Appended) {
	if e.Type != consent.EventErased {
		return
	}
	for _, id := range out.Applied {
		b.delta.Erased = append(b.delta.Erased, Erasure{Identity: id, Before: e.Position})
	}
}

// people gives the identities that an event is told about.
func (b *batch) people(out consent.Appended) []store.Person {
	people := make([]store.Person, len(out.Changed))
	for i, id := range out.Changed {
		people[i] = store.Person{Group: out.Links.Group(id), Tags: b.identities[id].Tags, Type: b.identities[id].Type, Record: out.Links.Effective(id)}
	}
	return people
}

// finish gives what has to be written.
func (b *batch) finish() *Delta {
	d := &b.delta
	for _, id := range b.touched {
		if id.added {
			d.Added = append(d.Added, id.Identity)
		} else {
			d.Changed = append(d.Changed, id.Identity)
		}
	}
	if b.unproven {
		d.Head, d.Changes = b.head, b.changes
		return d
	}
	leaves := make([]proof.Hash, len(d.Events))
	for i := range d.Events {
		leaves[i] = d.Events[i].Leaf
	}
	b.head.Frontier, d.Nodes = b.head.Frontier.Append(leaves...)
	b.head.Root = b.head.Frontier.Root()
	if n := len(b.changes); n > 0 { // a replay may take what changed nothing
		b.changes[n-1].Root = b.head.Root
	}
	d.Head, d.Changes = b.head, b.changes
	return d
}
