package consent

import (
	"cmp"
	"slices"
	"sort"
)

// MaxLinked bounds the identities that are linked with each other, directly or through others.
const MaxLinked = 64

// Weak tells that an identifier is of a thing, such as a browser, that several people may use.
func (t IdentifierType) Weak() bool { return t == IdentifierDevice }

// Member is one identity: an identifier of a person with what happened under it alone.
type Member struct {
	ID     int64
	Type   IdentifierType
	Record *Record
}

// Link tells that an identity took part in the act at a position, together with others. Identities of one act are linked.
type Link struct {
	ID       int64
	Position Position
}

// Links are identities that may belong to one person, and what links them. It is what the ledger knows about identity:
//
//   - Permissions hold for the identities that an event names. What restricts holds for every identity that is linked.
//   - Identities other than weak ones that are linked, directly or through each other, are one person.
//   - A weak identity takes part in what restricts the people it is linked with, and they in what restricts it, but it never makes two
//     people one. It is of the person it is linked with, if there is but one. If two of these people have identifiers of the same type,
//     such as two customer numbers, it could be either's, and is ambiguous.
//
// So a link never makes anybody more permitted, except that it may tell that two people are one, and then what they share is no longer
// ambiguous. The order in which identities were linked does not matter.
type Links struct {
	members []Member
	acts    []act
}

// act is an act that links: the places of its members, ascending.
type act struct {
	position Position
	members  []int
}

// NewLinks sorts out identities and links. Links of identities that are not among the members are left out. The records are shared, and
// never changed.
func NewLinks(members []Member, links []Link) *Links {
	l := &Links{members: slices.Clone(members)}
	slices.SortFunc(l.members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	sorted := slices.Clone(links)
	slices.SortFunc(sorted, func(a, b Link) int { return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.ID, b.ID)) })
	for _, k := range slices.Compact(sorted) {
		i, ok := l.find(k.ID)
		if !ok {
			continue
		}
		if n := len(l.acts); n == 0 || l.acts[n-1].position != k.Position {
			l.acts = append(l.acts, act{position: k.Position})
		}
		last := &l.acts[len(l.acts)-1]
		last.members = append(last.members, i)
	}
	return l
}

func (l *Links) find(id int64) (int, bool) {
	return slices.BinarySearchFunc(l.members, id, func(m Member, id int64) int { return cmp.Compare(m.ID, id) })
}

// Members are all identities, by ascending number.
func (l *Links) Members() []Member { return l.members }

// Clusters gives the identities that are linked, directly or through others, weak ones included. Each begins with its smallest number.
func (l *Links) Clusters() [][]int64 {
	var out [][]int64
	done := make([]bool, len(l.members))
	for i := range l.members {
		if done[i] {
			continue
		}
		in := l.closure(one(len(l.members), i), len(l.acts), nil)
		var ids []int64
		for j, ok := range in {
			if ok {
				done[j] = true
				ids = append(ids, l.members[j].ID)
			}
		}
		out = append(out, ids)
	}
	return out
}

func one(n, i int) []bool {
	set := make([]bool, n)
	set[i] = true
	return set
}

// closure adds whoever is linked with a set by the first acts, as far as only members of a kind are looked at.
func (l *Links) closure(set []bool, acts int, kind func(Member) bool) []bool {
	in := func(i int) bool { return kind == nil || kind(l.members[i]) }
	for grown := true; grown; {
		grown = false
		for _, a := range l.acts[:acts] {
			if !slices.ContainsFunc(a.members, func(i int) bool { return set[i] && in(i) }) {
				continue
			}
			for _, i := range a.members {
				if !set[i] && in(i) {
					set[i], grown = true, true
				}
			}
		}
	}
	return set
}

func weak(m Member) bool   { return m.Type.Weak() }
func strong(m Member) bool { return !m.Type.Weak() }

// reach gives everybody whose restrictions reach a member by the first acts: the person, and what belongs to it; of a weak identity all
// people it is linked with, and what belongs to them.
func (l *Links) reach(i, acts int) []bool {
	set := one(len(l.members), i)
	if l.members[i].Type.Weak() {
		set = l.further(l.closure(set, acts, weak), acts, strong)
	} else {
		set = l.closure(set, acts, strong)
	}
	return l.further(set, acts, weak)
}

// further adds members of a kind: those that some act names together with one of a set, and whoever of the kind is linked with them.
func (l *Links) further(set []bool, acts int, kind func(Member) bool) []bool {
	near := make([]bool, len(set))
	for _, a := range l.acts[:acts] {
		if slices.ContainsFunc(a.members, func(j int) bool { return set[j] }) {
			for _, j := range a.members {
				near[j] = near[j] || kind(l.members[j])
			}
		}
	}
	for j, ok := range l.closure(near, acts, kind) {
		set[j] = set[j] || ok
	}
	return set
}

// people gives the people that a set of members touches: the places of their first members. Distinct tells that two of them have
// identifiers of the same type.
func (l *Links) people(set []bool) (first []int, distinct bool) {
	seen := make([]bool, len(l.members))
	has := map[IdentifierType]int{} // the person who was first seen to have one
	for i, ok := range set {
		if !ok || seen[i] || l.members[i].Type.Weak() {
			continue
		}
		first = append(first, i)
		for j, in := range l.closure(one(len(l.members), i), len(l.acts), strong) {
			if !in {
				continue
			}
			seen[j] = true
			if who, ok := has[l.members[j].Type]; ok && who != i {
				distinct = true
			}
			has[l.members[j].Type] = i
		}
	}
	return first, distinct
}

// Group gives the number of the person that an identity is of: the same for all identities of one person. A weak identity that is
// linked with several people, or with none, is nobody's, and counts with the weak ones it is linked with.
func (l *Links) Group(id int64) int64 {
	i, ok := l.find(id)
	if !ok {
		return id
	}
	return l.members[l.group(i)].ID
}

func (l *Links) group(i int) int {
	if len(l.acts) == 0 {
		return i
	}
	first, _ := l.people(l.reach(i, len(l.acts)))
	if len(first) == 1 {
		return first[0]
	}
	return slices.Index(l.closure(one(len(l.members), i), len(l.acts), weak), true)
}

// Person gives the identities of the person that an identity is of, itself included.
func (l *Links) Person(id int64) []int64 {
	i, ok := l.find(id)
	if !ok {
		return nil
	}
	var out []int64
	g := l.group(i)
	for j := range l.members {
		if l.group(j) == g {
			out = append(out, l.members[j].ID)
		}
	}
	return out
}

// Effective gives what is known about an identity, with what restricts the same person under others. The record is shared where
// nothing is linked with it. A "no" under another identity was not known before that was linked.
func (l *Links) Effective(id int64) *Record {
	i, ok := l.find(id)
	if !ok {
		return &Record{}
	}
	own := l.members[i].Record
	if len(l.acts) == 0 {
		return own
	}
	set := l.reach(i, len(l.acts))
	var others []other
	for j, ok := range set {
		if ok && j != i {
			others = append(others, other{l.members[j].Record, l.since(i, j)})
		}
	}
	if len(others) == 0 {
		return own
	}
	out := inherit(own, others)
	if l.members[i].Type.Weak() {
		_, distinct := l.people(set)
		out.Ambiguous = out.Ambiguous || distinct
	}
	return out
}

// since is the position of the act from which on a member's restrictions reach another one. Where nothing depends on it, it is 0.
func (l *Links) since(i, j int) Position {
	if r := l.members[j].Record; len(r.Noes)+len(r.Objections) == 0 && r.Suppressed == 0 {
		return 0
	}
	n := sort.Search(len(l.acts)-1, func(n int) bool { return l.reach(i, n+1)[j] })
	return l.acts[n].position
}

// Links gives the links again, as NewLinks takes them.
func (l *Links) Links() []Link {
	var out []Link
	for _, a := range l.acts {
		for _, i := range a.members {
			out = append(out, Link{l.members[i].ID, a.position})
		}
	}
	return out
}

// Part gives some of the identities with what links them.
func (l *Links) Part(ids []int64) *Links {
	members := make([]Member, 0, len(ids))
	for _, id := range ids {
		if i, ok := l.find(id); ok {
			members = append(members, l.members[i])
		}
	}
	return NewLinks(members, l.Links())
}
