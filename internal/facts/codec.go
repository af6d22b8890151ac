package facts

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
)

// Flags of a fact and of a grant.
const (
	flagRestricted = 1 << iota
	flagSuppressed
	flagBusiness
	flagInformed
	flagAmbiguous
	flagUntimed
	flagUsed
	allFactFlags = 1<<iota - 1
)

const (
	flagGuardian = 1 << iota
	flagSince
	flagRenewed
	flagOtherPurpose
	allGrantFlags = 1<<iota - 1
)

// Encode appends the one form in which a combination of facts is kept and sent: equal facts give equal bytes. It keeps what decide.Reduce
// keeps, and nothing else.
func Encode(dst []byte, facts map[consent.PurposeID]consent.Fact) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(facts)))
	for _, purpose := range slices.Sorted(maps.Keys(facts)) {
		dst = appendString(dst, purpose)
		dst = appendFact(dst, purpose, facts[purpose])
	}
	return dst
}

func appendFact(dst []byte, purpose consent.PurposeID, f consent.Fact) []byte {
	dst = append(dst, bit(f.Restricted, flagRestricted)|bit(f.Suppressed != 0, flagSuppressed)|bit(f.Business, flagBusiness)|
		bit(f.Informed, flagInformed)|bit(f.Ambiguous, flagAmbiguous)|bit(f.Untimed, flagUntimed)|bit(!f.Used.IsZero(), flagUsed))
	dst = binary.AppendUvarint(dst, uint64(max(f.AgeYears, 0)))
	if !f.Used.IsZero() {
		dst = appendTime(dst, f.Used)
	}
	dst = binary.AppendUvarint(dst, uint64(len(f.Grants)))
	for i := range f.Grants {
		dst = appendGrant(dst, purpose, &f.Grants[i])
	}
	dst = binary.AppendUvarint(dst, uint64(len(f.Objections)))
	for _, o := range f.Objections {
		dst = binary.AppendUvarint(dst, uint64(o.Position))
		dst = appendString(appendString(appendString(dst, o.Scope), o.Channel), o.Purpose)
	}
	dst = binary.AppendUvarint(dst, uint64(len(f.Relationships)))
	for _, r := range f.Relationships {
		dst = append(dst, bit(r.ObjectionNotice, 1))
		dst = binary.AppendUvarint(dst, uint64(len(r.Goods)))
		for _, g := range r.Goods {
			dst = appendString(dst, g)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(f.Inherited)))
	for _, n := range f.Inherited {
		dst = append(dst, bit(n.Refusal, 1))
		dst = binary.AppendUvarint(dst, uint64(n.Position))
		dst = appendString(dst, n.Purpose)
	}
	return dst
}

func appendGrant(dst []byte, purpose consent.PurposeID, g *consent.Grant) []byte {
	other := g.Purpose != purpose
	dst = append(dst, bit(g.Guardian, flagGuardian)|bit(!g.Since.IsZero(), flagSince)|bit(!g.Renewed.IsZero(), flagRenewed)|bit(other, flagOtherPurpose))
	if other {
		dst = appendString(dst, g.Purpose)
	}
	dst = appendString(appendString(appendString(dst, g.Status), g.Proof), g.Notice)
	dst = binary.AppendUvarint(dst, uint64(g.Position))
	dst = binary.AppendUvarint(dst, uint64(g.BasedOn))
	if !g.Since.IsZero() {
		dst = appendTime(dst, g.Since)
	}
	if !g.Renewed.IsZero() {
		dst = appendTime(dst, g.Renewed)
	}
	return dst
}

func appendString[T ~string](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendTime(dst []byte, t time.Time) []byte {
	return binary.AppendUvarint(binary.AppendVarint(dst, t.Unix()), uint64(t.Nanosecond()))
}

func bit(set bool, flag byte) byte {
	if set {
		return flag
	}
	return 0
}
