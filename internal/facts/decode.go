package facts

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/optup/optup/internal/consent"
)

// ErrCombination reports bytes that Encode did not make.
var ErrCombination = errors.New("the bytes are no combination of facts")

// Combination is all that is known about somebody, by purpose. It is shared and must not be changed.
type Combination []About

// About is what is known for one purpose.
type About struct {
	Purpose consent.PurposeID
	Fact    consent.Fact
}

// Fact gives what is known for a purpose. It reports false, with the zero Fact of a person never seen, where nothing is.
func (c Combination) Fact(purpose consent.PurposeID) (consent.Fact, bool) {
	for i := range c {
		if c[i].Purpose == purpose {
			return c[i].Fact, true
		}
	}
	return consent.Fact{}, false
}

// moment says where a time belongs: to a grant of what is known for a purpose, or, with grant -1, to the last use.
type moment struct {
	about, grant int
	renewed      bool
	// untimed tells that the fact says of itself that it has no times.
	untimed bool
}

// Decode reads what Encode wrote. What it gives shares no memory with the bytes, and is in proportion to them.
func Decode(content []byte) (Combination, error) {
	r := &reader{rest: string(content)}
	return r.combination()
}

func (r *reader) combination() (Combination, error) {
	n := r.count(5)
	out := make(Combination, 0, n)
	for r.about = range n {
		purpose := consent.PurposeID(r.text())
		if len(out) > 0 && out[len(out)-1].Purpose >= purpose {
			return nil, ErrCombination
		}
		out = append(out, About{Purpose: purpose, Fact: r.fact(purpose)})
		if r.broken {
			return nil, ErrCombination
		}
	}
	if r.broken || len(r.rest) > 0 || len(out) == 0 {
		return nil, ErrCombination
	}
	return out, nil
}

// reader takes values off the front. After a broken one everything is zero.
//
// With apart set it reads what split left, without times: where a time is missing it notes the moment, and the fact says that it has no
// times.
type reader struct {
	rest         string
	broken       bool
	apart        bool
	moments      []moment
	about, where int
	untimed      bool
	// each is told, before and after a time is read, how much is left.
	each func(left int)
}

func (r *reader) fail() { r.rest, r.broken = "", true }

func (r *reader) uvarint() uint64 {
	var v uint64
	for i := range min(len(r.rest), binary.MaxVarintLen64) {
		b := r.rest[i]
		if i == binary.MaxVarintLen64-1 && b > 1 {
			break
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.rest = r.rest[i+1:]
			return v
		}
	}
	r.fail()
	return 0
}

// count reads how many values follow, each of which takes some bytes at least.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.rest)/size) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) text() string {
	n := r.count(1)
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *reader) flags(all byte) byte {
	if len(r.rest) == 0 || r.rest[0]&^all != 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) position() consent.Position { return consent.Position(r.uvarint()) }

func (r *reader) time(f *consent.Fact, renewed bool) time.Time {
	if r.apart {
		r.moments = append(r.moments, moment{r.about, r.where, renewed, r.untimed})
		f.Untimed = true
		return time.Time{}
	}
	if r.each != nil {
		r.each(len(r.rest))
		defer func() { r.each(len(r.rest)) }()
	}
	u := r.uvarint()
	seconds, nanos := int64(u>>1)^-int64(u&1), r.uvarint()
	if nanos >= 1e9 {
		r.fail()
	}
	if r.broken {
		return time.Time{}
	}
	return unix(seconds, nanos)
}

func (r *reader) fact(purpose consent.PurposeID) consent.Fact {
	flags := r.flags(allFactFlags)
	f := consent.Fact{
		Restricted: flags&flagRestricted != 0, Business: flags&flagBusiness != 0, Informed: flags&flagInformed != 0,
		Ambiguous: flags&flagAmbiguous != 0, Untimed: flags&flagUntimed != 0,
	}
	if flags&flagSuppressed != 0 {
		f.Suppressed = 1
	}
	r.where, r.untimed = -1, f.Untimed
	if f.AgeYears = int(r.uvarint() & 0xffff); flags&flagUsed != 0 {
		f.Used = r.time(&f, false)
	}
	f.Grants = several(r, 6, func() consent.Grant { r.where++; return r.grant(&f, purpose) })
	f.Objections = several(r, 4, func() consent.Objection {
		return consent.Objection{
			Position: r.position(), Scope: consent.Scope(r.text()), Channel: consent.Channel(r.text()), Purpose: consent.PurposeID(r.text()),
		}
	})
	f.Relationships = several(r, 2, func() consent.Relationship {
		return consent.Relationship{ObjectionNotice: r.flags(1) != 0, Goods: several(r, 1, r.text)}
	})
	f.Inherited = several(r, 3, func() consent.No {
		return consent.No{Refusal: r.flags(1) != 0, Position: r.position(), Purpose: consent.PurposeID(r.text())}
	})
	return f
}

func (r *reader) grant(f *consent.Fact, purpose consent.PurposeID) consent.Grant {
	flags := r.flags(allGrantFlags)
	g := consent.Grant{Purpose: purpose, Guardian: flags&flagGuardian != 0}
	if flags&flagOtherPurpose != 0 {
		g.Purpose = consent.PurposeID(r.text())
	}
	g.Status, g.Proof, g.Notice = consent.Status(r.text()), consent.Proof(r.text()), consent.NoticeID(r.text())
	g.Position, g.BasedOn = r.position(), r.position()
	if flags&flagSince != 0 {
		g.Since = r.time(f, false)
	}
	if flags&flagRenewed != 0 {
		g.Renewed = r.time(f, true)
	}
	return g
}

func several[T any](r *reader, size int, read func() T) []T {
	n := r.count(size)
	if n == 0 {
		return nil
	}
	out := make([]T, 0, min(n, 16))
	for range n {
		if r.broken {
			return nil
		}
		out = append(out, read())
	}
	return out
}

func unix(seconds int64, nanos uint64) time.Time { return time.Unix(seconds, int64(nanos)).UTC() }
