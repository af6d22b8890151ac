package journal

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/optup/optup/internal/consent"
)

// object reads an object with at least one member. Member takes each, and gives a number that has to ascend.
func (d *decoder) object(member func(key []byte) int) {
	last := 0
	for d.take('{'); !d.bad; d.take(',') {
		key := d.raw()
		if d.take(':'); d.bad {
			return
		}
		at := member(key)
		d.bad = d.bad || at <= last
		if last = at; d.have('}') {
			return
		}
	}
}

// list reads a list with at least one element, each of which element takes.
func (d *decoder) list(element func()) {
	for d.take('['); !d.bad; d.take(',') {
		if element(); d.have(']') {
			return
		}
	}
}

// listOf reads a list of objects.
func listOf[T any](d *decoder, member func(to *T, key []byte) int) (out []T) {
	d.list(func() {
		var one T
		d.object(func(key []byte) int { return member(&one, key) })
		out = append(out, one)
	})
	return out
}

// have takes a byte if it is the next one.
func (d *decoder) have(c byte) bool {
	if d.at < len(d.in) && d.in[d.at] == c {
		d.at++
		return true
	}
	return false
}

func (d *decoder) take(c byte) { d.bad = !d.have(c) || d.bad }

// raw reads a text of printable ASCII without escapes.
func (d *decoder) raw() []byte {
	d.take('"')
	n := bytes.IndexByte(d.in[d.at:], '"')
	if n < 0 || !unescaped(d.in[d.at:d.at+n]) {
		d.bad = true
		return nil
	}
	d.at += n + 1
	return d.in[d.at-n-1 : d.at-1]
}

// unescaped tells whether a text is printable ASCII without a backslash.
func unescaped(text []byte) bool {
	const each, high = 0x0101010101010101, 0x8080808080808080
	for ; len(text) >= 8; text = text[8:] {
		// Each byte's highest bit tells of one that is above '~', below ' ', or a backslash. Only one that is bad itself carries to the next.
		x := binary.LittleEndian.Uint64(text)
		slash := x ^ '\\'*each
		if ((x+each)|(x-' '*each)|(slash-each)&^slash)&high != 0 {
			return false
		}
	}
	for _, c := range text {
		if c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}

func (d *decoder) text() string { return d.word(d.raw()) }

// literal takes bytes if they are the next ones.
func (d *decoder) literal(s string) bool {
	if len(d.in)-d.at < len(s) || string(d.in[d.at:d.at+len(s)]) != s {
		return false
	}
	d.at += len(s)
	return true
}

// again is text for what is likely to be what it was. What it was is printable ASCII without escapes.
func (d *decoder) again(last *string) string {
	if end := d.at + len(*last) + 1; end < len(d.in) && d.in[end] == '"' && d.in[d.at] == '"' && string(d.in[d.at+1:end]) == *last {
		d.at = end + 1
		return *last
	}
	*last = d.text()
	return *last
}

// word gives a text that was met before without making another one of it.
func (d *decoder) word(raw []byte) string {
	if s, ok := d.words[string(raw)]; ok {
		return s
	}
	if len(d.words) >= maxWords {
		clear(d.words)
	}
	s := string(raw)
	d.words[s] = s
	return s
}

// number reads a whole number below a bound.
func (d *decoder) number(below uint64) (n uint64) {
	from := d.at
	for ; d.at < len(d.in) && d.in[d.at] >= '0' && d.in[d.at] <= '9'; d.at++ {
		n = n*10 + uint64(d.in[d.at]-'0')
	}
	if digits := d.at - from; digits == 0 || digits > 18 || (digits > 1 && d.in[from] == '0') || n >= below {
		d.bad = true
	}
	return n
}

func (d *decoder) position() consent.Position { return consent.Position(d.number(1 << 63)) }

// yes reads a true.
func (d *decoder) yes() bool {
	if d.at+4 > len(d.in) || string(d.in[d.at:d.at+4]) != "true" {
		d.bad = true
		return false
	}
	d.at += 4
	return true
}

// time reads a time. Those in UTC to the second are the most.
func (d *decoder) time() (t time.Time) {
	raw := d.raw()
	if s, ok := seconds(raw); ok {
		return s
	}
	d.bad = t.UnmarshalText(raw) != nil || d.bad
	return t
}

// seconds reads what is written like 2026-02-21T12:00:00Z.
func seconds(raw []byte) (t time.Time, ok bool) {
	if len(raw) != len("2006-01-02T15:04:05Z") || raw[4] != '-' || raw[7] != '-' || raw[10] != 'T' || raw[13] != ':' || raw[16] != ':' || raw[19] != 'Z' {
		return t, false
	}
	ok = true
	two := func(at int) int {
		a, b := raw[at]-'0', raw[at+1]-'0'
		ok = ok && a <= 9 && b <= 9
		return int(a)*10 + int(b)
	}
	year, month, day, hour, minute, second := two(0)*100+two(2), two(5), two(8), two(11), two(14), two(17)
	if !ok || month < 1 || month > 12 || day < 1 || day > 28 || hour > 23 || minute > 59 || second > 59 {
		return t, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC), true
}
