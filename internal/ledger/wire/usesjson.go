package wire

import (
	"encoding/json"
	"strconv"
	"time"
)

// Append appends the decision as json.Marshal writes it, in a fraction of the time: a sidecar writes one for each request. It appends
// nothing where it fails.
func (d *Decided) Append(dst []byte) ([]byte, error) {
	return d.AppendEach(dst, len(d.Uses), func(i int) Use { return d.Uses[i] })
}

// AppendEach is Append for n uses that are elsewhere.
func (d *Decided) AppendEach(dst []byte, n int, use func(i int) Use) ([]byte, error) {
	w := writer{out: dst}
	w.decided(d, n, use)
	if w.err != nil {
		return dst, w.err
	}
	return w.out, nil
}

// AppendWith appends the batch with decisions that were written before, with commas between them. Its own are not looked at.
func (u *Uses) AppendWith(dst, decisions []byte) ([]byte, error) {
	w := writer{out: dst}
	w.text(`{"version":`).number(int64(u.Version)).text(`,"id":`).quoted(u.ID)
	if u.Lost > 0 {
		w.text(`,"lost":`)
		w.out = strconv.AppendUint(w.out, u.Lost, 10)
	}
	if len(decisions) > 0 {
		w.text(`,"decisions":[`)
		w.out = append(append(w.out, decisions...), ']')
	}
	w.text("}")
	return w.out, w.err
}

func (w *writer) decided(d *Decided, uses int, use func(i int) Use) {
	w.text(`{"id":"`)
	w.out = idEncoding.AppendEncode(w.out, d.ID[:])
	w.text(`","at":`).time(d.At)
	w.named("effect", d.Effect).named("reason", d.Reason).named("mode", d.Mode).named("purpose", string(d.Purpose))
	if len(d.Policies) > 0 {
		w.text(`,"policies":[`)
		for i, p := range d.Policies {
			if i > 0 {
				w.text(",")
			}
			w.quoted(p)
		}
		w.text("]")
	}
	w.named("service", d.Service).named("endpoint", d.Endpoint).named("party", d.Party)
	w.counted("generation", d.Generation)
	w.position("position", uint64(d.Position))
	if d.Unanswered {
		w.text(`,"unanswered":true`)
	}
	w.counted("first", int64(d.First))
	if uses > 0 {
		w.text(`,"uses":[`)
		for i := range uses {
			if i > 0 {
				w.text(",")
			}
			w.use(use(i))
		}
		w.text("]")
	}
	w.text("}")
}

func (w *writer) use(u Use) {
	if u.Tag != nil {
		w.text(`{"tag":"`).tag(u.Tag).text(`","reason":`)
	} else {
		w.text(`{"reason":`)
	}
	w.quoted(u.Reason)
	w.position("grant", uint64(u.Grant))
	w.text("}")
}

const (
	// digits are those of RFC 4648, section 4.
	digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	// tagDigits is how many a tag has.
	tagDigits = (8*len(Tag{}) + 5) / 6
)

// tag writes what base64.RawStdEncoding would, in half the time: there is one for each person.
func (w *writer) tag(t *Tag) *writer {
	at := len(w.out)
	w.out = append(w.out, blank[:]...)
	out := (*[tagDigits]byte)(w.out[at:])
	for i := range len(t) / 3 {
		three := uint(t[3*i])<<16 | uint(t[3*i+1])<<8 | uint(t[3*i+2])
		out[4*i], out[4*i+1] = digits[three>>18&63], digits[three>>12&63]
		out[4*i+2], out[4*i+3] = digits[three>>6&63], digits[three&63]
	}
	last := uint(t[len(t)-1])
	out[tagDigits-2], out[tagDigits-1] = digits[last>>2], digits[last<<4&63]
	return w
}

var blank [tagDigits]byte

// writer writes JSON. The first error stays.
type writer struct {
	out []byte
	err error
	// simple are the strings that were written last and needed no escape: most uses have one of two reasons.
	simple [2]string
}

func (w *writer) text(s string) *writer {
	w.out = append(w.out, s...)
	return w
}

func (w *writer) number(n int64) *writer {
	w.out = strconv.AppendInt(w.out, n, 10)
	return w
}

// named writes a member that is left out where it is empty.
func (w *writer) named(name, value string) *writer {
	if value != "" {
		w.text(`,"`).text(name).text(`":`).quoted(value)
	}
	return w
}

func (w *writer) counted(name string, n int64) {
	if n != 0 {
		w.text(`,"`).text(name).text(`":`).number(n)
	}
}

func (w *writer) position(name string, n uint64) {
	if n != 0 {
		w.text(`,"`).text(name).text(`":`)
		w.out = strconv.AppendUint(w.out, n, 10)
	}
}

// quoted writes a string. Names of resources need no escape; what does is left to the standard library.
func (w *writer) quoted(s string) *writer {
	if s != w.simple[0] && s != w.simple[1] {
		for i := range len(s) {
			if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
				return w.marshal(s)
			}
		}
		w.simple[0], w.simple[1] = s, w.simple[0]
	}
	w.out = append(append(append(w.out, '"'), s...), '"')
	return w
}

// time writes an instant in UTC of our era; any other is left to the standard library.
func (w *writer) time(t time.Time) {
	if y := t.Year(); y < 1 || y > 9999 || t.Location() != time.UTC {
		w.marshal(t)
		return
	}
	w.out = append(t.AppendFormat(append(w.out, '"'), time.RFC3339Nano), '"')
}

func (w *writer) marshal(v any) *writer {
	raw, err := json.Marshal(v)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.out = append(w.out, raw...)
	return w
}
