package stream

import (
	"slices"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// interest is what a subscriber wants to know: purposes, and those of them for which times count. Both are sorted and distinct.
type interest struct {
	purposes, timed []consent.PurposeID
	// key is the number of the key whose tags are told; 0 for the first.
	key int
}

func newInterest(purposes, timed []consent.PurposeID) interest {
	timed = slices.DeleteFunc(slices.Clone(timed), func(p consent.PurposeID) bool { return !slices.Contains(purposes, p) })
	slices.Sort(timed)
	return interest{purposes: slices.Clone(purposes), timed: slices.Compact(timed)}
}

// name is equal for equal interests in the same version.
func (n interest) name(version int) string {
	var b strings.Builder
	b.WriteByte(byte(version))
	b.WriteByte(byte(n.key))
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
	tags := n.tags(p.Tags)
	out := wire.Person{Tags: make([]wire.Tag, len(tags)), Facts: n.facts(p.Record, t)}
	for i, tag := range tags {
		out.Tags[i] = wire.Tag(tag)
	}
	return out
}

// tags leaves out those of earlier keys, which nobody looks up. Of the first key all are told: whether a tag is of it cannot be seen.
func (n interest) tags(all []consent.Tag) []consent.Tag {
	if n.key < 2 || !slices.ContainsFunc(all, func(t consent.Tag) bool { return t.Generation() != n.key }) {
		return all
	}
	out := make([]consent.Tag, 0, len(all))
	for _, t := range all {
		if t.Generation() == n.key {
			out = append(out, t)
		}
	}
	return out
}
