package share

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// key appends everything about a record on which a decision under the rules, or whether the person may be asked, can depend, and leaves
// out what cannot: records with equal keys stand alike. Of times it says only whether a grant has ended by them, of positions only their
// order, and that only where somebody said no.
//
// It decides nothing. How those with a key stand is decided from the record of the first of them, and a test compares.
func (x *rules) key(dst []byte, r *consent.Record, kind consent.IdentifierType, now time.Time) []byte {
	dst = appendText(dst, string(kind))
	dst = append(dst, bit(r.Restricted, 0)|bit(r.Suppressed != 0, 1)|bit(r.Business, 2)|bit(r.Informed, 3)|bit(r.Ambiguous, 4))
	dst = binary.AppendUvarint(dst, uint64(max(r.AgeYears, 0)))
	var order *ranks
	if len(r.Objections)+len(r.Inherited) > 0 {
		order = newRanks(r)
	}
	n, known := -1, false
	for i := range r.Grants {
		g := &r.Grants[i]
		if n, known = x.place(g.Purpose, n); !known || g.Since.After(now) {
			continue
		}
		dst = appendText(binary.AppendUvarint(append(dst, 'g'), uint64(n)), string(g.Status))
		if stands(g.Status) {
			dst = append(dst, x.ended(&x.bundle.Purposes[n], g, r.Used[g.Purpose], now)|bit(g.Guardian, 2))
			dst = appendText(appendText(appendText(dst, string(g.Notice)), string(g.Proof)), g.Touchpoint)
			dst = order.append(order.append(dst, g.Position), g.BasedOn)
		}
	}
	for _, o := range r.Objections {
		if _, known := x.number[o.Purpose]; o.Scope == consent.ScopePurpose && !known {
			continue
		}
		dst = appendText(appendText(appendText(append(dst, 'o'), string(o.Scope)), string(o.Channel)), string(o.Purpose))
		dst = order.append(dst, o.Position)
	}
	for _, n := range r.Inherited {
		if at, known := x.number[n.Purpose]; known {
			dst = order.append(append(binary.AppendUvarint(append(dst, 'i'), uint64(at)), bit(n.Refusal, 0)), n.Position)
		}
	}
	for _, s := range r.Relationships {
		if s.Since.After(now) {
			continue
		}
		dst = binary.AppendUvarint(append(dst, 's', bit(s.ObjectionNotice, 0)), uint64(len(s.Goods)))
		for _, g := range s.Goods {
			dst = appendText(dst, g)
		}
	}
	return x.asking(dst, r, now)
}

// asking appends what counts for whether a person may be asked.
func (x *rules) asking(dst []byte, r *consent.Record, now time.Time) []byte {
	var said uint64 // purposes that were written already, of the first 64
	at, known := -1, false
	for _, n := range r.Noes {
		if at, known = x.place(n.Purpose, at); !known || n.Refusal || (at < 64 && said>>at&1 == 1) {
			continue
		}
		dst = binary.AppendUvarint(append(dst, 'n'), uint64(at))
		if at < 64 {
			said |= 1 << at
		}
	}
	for _, a := range r.Asks {
		if at, known := x.number[a.Purpose]; known && a.Status == consent.AskRefused && now.Before(a.At.Add(coolDown)) {
			dst = binary.AppendUvarint(append(dst, 'r'), uint64(at))
		}
	}
	return dst
}

// place gives the number of a purpose. Records mostly name purposes in the order of bundles, so those after the last one are looked at first.
func (x *rules) place(p consent.PurposeID, last int) (n int, known bool) {
	for n := last + 1; n < min(last+3, len(x.bundle.Purposes)); n++ {
		if x.bundle.Purposes[n].Name == p {
			return n, true
		}
	}
	n, known = x.number[p]
	return n, known
}

func stands(s consent.Status) bool { return s == consent.StatusGiven || s == consent.StatusRenewed }

// ended tells by what a grant has ended: bit 0 for its validity, bit 1 for non-use.
func (x *rules) ended(p *ir.Purpose, g *consent.Grant, used, now time.Time) byte {
	if p.ValidForDays == 0 && p.UnusedForDays == 0 {
		return 0
	}
	expired, unused := decide.Ends(p, g, used)
	return bit(p.ValidForDays > 0 && !now.Before(expired), 0) | bit(p.UnusedForDays > 0 && !now.Before(unused), 1)
}

// edges appends the instants after now at which the key of a record becomes another one, in nanoseconds, ascending and distinct.
func (x *rules) edges(dst []int64, r *consent.Record, now time.Time) []int64 {
	visit := func(t time.Time) {
		if t.After(now) && t.Year() < 2262 { // what lies beyond cannot be written in nanoseconds, and nobody will wait for it
			dst = append(dst, t.UnixNano())
		}
	}
	n, known := -1, false
	for i := range r.Grants {
		g := &r.Grants[i]
		if n, known = x.place(g.Purpose, n); !known || !stands(g.Status) {
			continue
		}
		visit(g.Since)
		p := &x.bundle.Purposes[n]
		if p.ValidForDays == 0 && p.UnusedForDays == 0 {
			continue
		}
		expired, unused := decide.Ends(p, g, r.Used[g.Purpose])
		if p.ValidForDays > 0 {
			visit(expired)
		}
		if p.UnusedForDays > 0 {
			visit(unused)
		}
	}
	for i := range r.Relationships {
		visit(r.Relationships[i].Since)
	}
	for i := range r.Asks {
		if a := &r.Asks[i]; a.Status == consent.AskRefused {
			visit(a.At.Add(coolDown))
		}
	}
	if len(dst) > 1 {
		slices.Sort(dst)
		dst = slices.Compact(dst)
	}
	return dst
}

// ranks are the places of positions in the order of those that are compared. A nil one leaves positions out.
type ranks struct{ marks []consent.Position }

func newRanks(r *consent.Record) *ranks {
	var marks []consent.Position
	for i := range r.Grants {
		marks = append(marks, r.Grants[i].Position, r.Grants[i].BasedOn)
	}
	for i := range r.Objections {
		marks = append(marks, r.Objections[i].Position)
	}
	for i := range r.Inherited {
		marks = append(marks, r.Inherited[i].Position)
	}
	slices.Sort(marks)
	return &ranks{slices.Compact(marks)}
}

func (o *ranks) append(dst []byte, p consent.Position) []byte {
	if o == nil {
		return dst
	}
	at, _ := slices.BinarySearch(o.marks, p)
	if p == 0 {
		return append(dst, 0)
	}
	return binary.AppendUvarint(dst, uint64(at)+1)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func bit(set bool, n int) byte {
	if set {
		return 1 << n
	}
	return 0
}
