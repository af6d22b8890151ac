package facts

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/optup/optup/internal/consent"
)

// tag gives the nth tag; tags are as random as those of a keyed hash.
func tag(n int) consent.Tag {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	sum := sha256.Sum256(b[:])
	return consent.Tag(sum[:16])
}

// quick gives random tags fast.
func quick(r *rand.Rand) (t consent.Tag) {
	binary.LittleEndian.PutUint64(t[:8], r.Uint64())
	binary.LittleEndian.PutUint64(t[8:], r.Uint64())
	return t
}

// facts gives the nth combination for 8 purposes.
func factsOf(n int) map[consent.PurposeID]consent.Fact {
	out := map[consent.PurposeID]consent.Fact{}
	for p := range 8 {
		purpose := consent.PurposeID(fmt.Sprintf("purpose-%d", p))
		switch n >> p & 1 {
		case 0:
			out[purpose] = consent.Fact{Untimed: true, Grants: []consent.Grant{{
				Purpose: purpose, Notice: consent.NoticeID(fmt.Sprintf("notice-%d", n>>8)), Status: consent.StatusGiven, Proof: consent.ProofMailboxConfirmed,
			}}}
		case 1:
			out[purpose] = consent.Fact{Untimed: true, Grants: []consent.Grant{{Purpose: purpose, Status: consent.StatusWithdrawn}}}
		}
	}
	return out
}

func one(n int) map[consent.PurposeID]consent.Fact {
	return map[consent.PurposeID]consent.Fact{"newsletter": {AgeYears: n, Restricted: true}}
}

// filled gives a table of n random tags with some number of combinations, and the tags.
func filled(tb testing.TB, n, combinations int) (*Table, []consent.Tag) {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	t := New()
	l := t.Load()
	for c := range combinations {
		if err := l.Define(Encode(nil, factsOf(c))); err != nil {
			tb.Fatal(err)
		}
	}
	tags, numbers := make([]consent.Tag, n), make([]uint32, n)
	for i := range tags {
		tags[i], numbers[i] = quick(r), r.Uint32N(uint32(combinations))
	}
	if err := l.Add(tags, numbers); err != nil {
		tb.Fatal(err)
	}
	if err := l.Finish(); err != nil {
		tb.Fatal(err)
	}
	return t, tags
}
