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
}

func newInterest(purposes, timed []consent.PurposeID) interest {
	timed = slices.DeleteFunc(slices.Clone(timed), func(p consent.PurposeID) bool { return !slices.Contains(purposes, p) })
	slices.Sort(timed)
	return interest{purposes: slices.Clone(purposes), timed: slices.Compact(timed)}
}

// key is equal for equal interests in the same version.
func (n interest) key(version int) string {
	var b strings.Builder
	b.WriteByte(byte(version))
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
	out := wire.Person{Tags: make([]wire.Tag, len(p.Tags)), Facts: n.facts(p.Record, t)}
	for i, tag := range p.Tags {
		out.Tags[i] = wire.Tag(tag)
	}
	return out
}
