package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// replay appends the log again in memory, by the functions that appended it, and compares what that comes to with what is stored.
//
// Of people who were erased a part of the log is gone. Their records cannot be made again, so less is checked: that they permit nothing
// that no entry gives.
type replay struct {
	report *Report
	log    *journal.Replay
	// byTag are the numbers of identities that tags lead to in the database, and clusters those that are filed under another one's number.
	byTag    map[consent.Tag]int64
	clusters map[int64]int64
	// erased are places without content, and erasures those that erase: the identities that each names.
	erased   []Row
	erasures []Row
	// given are the grants that entries give.
	given map[consent.Position]bool
	// together leads from an identity to another that some event named with it (union-find).
	together map[int64]int64
	// latest is the newest place of each identity so far, where places lead to those before.
	latest map[int64]consent.Position
}

func newReplay(r *Report) *replay {
	return &replay{
		report: r, log: journal.NewReplay(), byTag: map[consent.Tag]int64{}, clusters: map[int64]int64{}, given: map[consent.Position]bool{},
		together: map[int64]int64{}, latest: map[int64]consent.Position{},
	}
}

// load reads what tags lead to.
func (r *replay) load(ctx context.Context, db Database) error {
	return db.Tags(ctx, func(t consent.Tag, id int64) error {
		r.byTag[t] = id
		return nil
	})
}

func (r *replay) root(id int64) int64 {
	for {
		up, ok := r.together[id]
		if !ok {
			return id
		}
		next, ok := r.together[up]
		if ok {
			r.together[id] = next
		}
		id = up
	}
}

func (r *replay) join(ids []int64) {
	for _, id := range ids {
		if a, b := r.root(id), r.root(ids[0]); a != b {
			r.together[a] = b
		}
	}
}

// chained checks that a place leads to the one before of the same identity: whoever is erased is looked for by that.
func (r *replay) chained(row *Row) {
	if !row.Chained {
		return
	}
	if want := r.latest[row.Named[0]]; row.Previous != want {
		r.report.add(row.Position, "the event leads to position %d as the one before about the same identity, which is %d", row.Previous, want)
	}
	r.latest[row.Named[0]] = row.Position
}

// gone takes a place without content.
func (r *replay) gone(row *Row) {
	r.chained(row)
	r.erased = append(r.erased, Row{Logged: store.Logged{Position: row.Position}, Named: row.Named})
	r.join(row.Named)
	r.log.Skip(row.Position, row.Leaf)
	r.log.Forget()
}

// event takes a place with content.
func (r *replay) event(row *Row, entry *store.Entry) {
	r.chained(row)
	r.join(row.Named)
	var named []int64
	for _, id := range entry.Identities {
		for _, t := range id.Tags {
			n, ok := r.byTag[consent.Tag(t)]
			if !ok {
				r.report.add(row.Position, "an identifier that the entry names is not stored any more")
			} else if !slices.Contains(named, n) {
				named = append(named, n)
			}
		}
	}
	slices.Sort(named)
	stored := slices.Clone(row.Named)
	slices.Sort(stored)
	if !slices.Equal(named, stored) {
		r.report.add(row.Position, "the event is filed under other people than its entry names")
	}
	switch entry.Event.Type {
	case consent.EventGiven, consent.EventWidened:
		r.given[row.Position] = true
	case consent.EventErased:
		r.erasures = append(r.erasures, Row{Logged: store.Logged{Position: row.Position}, Named: row.Named})
	default:
	}
	r.log.Add(journal.Replayed{Logged: row.Logged, Entry: *entry})
	r.log.Forget()
}

// end compares what is stored with what the log comes to.
func (r *replay) end(ctx context.Context, db Database) error {
	partly := r.partly()
	var links []consent.Link
	if err := db.Links(ctx, func(l consent.Link) error { links = append(links, l); return nil }); err != nil {
		return err
	}
	same := map[int64]int64{} // numbers in the database of identities of the replay
	err := db.Identities(ctx, func(id Identity) error {
		r.tags(&id)
		if id.Cluster != id.ID {
			r.clusters[id.ID] = id.Cluster
		}
		if want := r.latest[id.ID]; id.Latest != want {
			r.report.add(max(want, 1), "identity %d leads to position %d as the newest about it, which is %d", id.ID, id.Latest, want)
		}
		r.compare(&id, partly[r.root(id.ID)], same)
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range r.byTag {
		r.report.add(0, "a tag leads to identity %d, which does not have it", id)
	}
	for _, id := range r.log.Identities() {
		if _, ok := same[id.ID]; !ok {
			r.report.add(id.Record.Position, "a person whom the log knows is not stored any more")
		}
	}
	r.links(links, partly, same)
	return nil
}

// tags checks that the tags of an identity lead to it: who is looked up is found by the one and known by the other. It forgets them.
func (r *replay) tags(stored *Identity) {
	for _, t := range stored.Tags {
		switch id, ok := r.byTag[t]; {
		case !ok:
			r.report.add(0, "a tag of identity %d leads to nobody", stored.ID)
		case id != stored.ID:
			r.report.add(0, "a tag of identity %d leads to identity %d", stored.ID, id)
			delete(r.byTag, t)
		default:
			delete(r.byTag, t)
		}
	}
}

// partly finds the people of whom a part of the log is gone, and parts that are gone without an erasure.
func (r *replay) partly() map[int64]bool {
	last := map[int64]consent.Position{}
	for _, e := range r.erasures {
		for _, id := range e.Named {
			last[r.root(id)] = max(last[r.root(id)], e.Position)
		}
	}
	out := map[int64]bool{}
	for _, e := range r.erased {
		// An export does not tell whom it was about, and neither does a ledger that was filled from one.
		ok := len(e.Named) == 0 && len(r.erasures) > 0 && r.erasures[len(r.erasures)-1].Position > e.Position
		for _, id := range e.Named {
			out[r.root(id)] = true
			ok = ok || last[r.root(id)] > e.Position
		}
		if !ok {
			r.report.add(e.Position, "the entry was deleted, and nobody was erased after it")
		}
	}
	return out
}

func (r *replay) compare(stored *Identity, partly bool, same map[int64]int64) {
	var record consent.Record
	if err := json.Unmarshal(stored.Record, &record); err != nil {
		r.report.add(0, "the record of identity %d cannot be read", stored.ID)
		return
	}
	r.report.People++
	folded, ok := r.log.Find(stored.Tags)
	if ok {
		same[folded.ID] = stored.ID
	}
	switch {
	case partly:
		for _, g := range record.Grants {
			if (g.Status == consent.StatusGiven || g.Status == consent.StatusRenewed) && !r.given[g.Position] {
				r.report.add(g.Position, "the record of an erased person (identity %d) holds a grant that no entry gives", stored.ID)
			}
		}
	case !ok:
		r.report.add(record.Position, "identity %d is stored, and no entry names it", stored.ID)
	case !sameTags(folded.Tags, stored.Tags):
		r.report.add(record.Position, "identity %d has other tags than entries name", stored.ID)
	case folded.Type != stored.Type:
		r.report.add(record.Position, "identity %d is of type %q, and by the log of %q", stored.ID, stored.Type, folded.Type)
	default:
		if at, differs := difference(&record, folded.Record); differs {
			r.report.add(at, "the record of identity %d is not what its events come to; they can be folded again, see the guide", stored.ID)
		}
	}
}

func sameTags(a, b []consent.Tag) bool {
	sorted := func(t []consent.Tag) []consent.Tag {
		t = slices.Clone(t)
		slices.SortFunc(t, func(x, y consent.Tag) int { return bytes.Compare(x[:], y[:]) })
		return t
	}
	return slices.Equal(sorted(a), sorted(b))
}

// difference tells whether two records differ, and the newest position of those before it happened that both know.
func difference(stored, folded *consent.Record) (consent.Position, bool) {
	a, errA := json.Marshal(stored)
	b, errB := json.Marshal(folded)
	if errA == nil && errB == nil && bytes.Equal(a, b) {
		return 0, false
	}
	if i := differing(stored.Grants, folded.Grants); i != 0 {
		return i, true
	}
	return max(stored.Position, folded.Position), !reflect.DeepEqual(stored, folded) || !bytes.Equal(a, b)
}

// differing gives the position of the first grant that differs.
func differing(a, b []consent.Grant) consent.Position {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return b[i].Position
		case i >= len(b) || !reflect.DeepEqual(a[i], b[i]):
			return a[i].Position
		}
	}
	return 0
}

// links compares which identities are linked, and by which events.
func (r *replay) links(stored []consent.Link, partly map[int64]bool, same map[int64]int64) {
	byPlace := func(a, b consent.Link) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.ID, b.ID))
	}
	keep := func(l consent.Link) bool { return !partly[r.root(l.ID)] }
	var have, want []consent.Link
	for _, l := range stored {
		if keep(l) {
			have = append(have, l)
		}
	}
	for _, l := range r.log.Links() {
		if l.ID = same[l.ID]; keep(l) {
			want = append(want, l)
		}
	}
	slices.SortFunc(have, byPlace)
	slices.SortFunc(want, byPlace)
	for i := range max(len(have), len(want)) {
		switch {
		case i >= len(have) || (i < len(want) && byPlace(want[i], have[i]) < 0):
			r.report.add(want[i].Position, "identities that the event links are not linked any more")
			return
		case i >= len(want) || byPlace(have[i], want[i]) < 0:
			r.report.add(have[i].Position, "identities are linked that no event links")
			return
		}
	}
	r.filed(partly, same)
}

// filed compares the numbers under which linked identities are found together.
func (r *replay) filed(partly map[int64]bool, same map[int64]int64) {
	for _, folded := range r.log.Identities() {
		id, ok := same[folded.ID]
		cluster, other := r.clusters[id]
		if !other {
			cluster = id
		}
		if ok && !partly[r.root(id)] && same[folded.Cluster] != cluster {
			r.report.add(folded.Record.Position, "identity %d is filed with other identities than it is linked with", id)
		}
	}
}
