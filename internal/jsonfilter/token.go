package jsonfilter

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// The functions of this file read one token in bytes that end in at least padding zero bytes, and need no other check of the end: no token
// goes on over a zero byte. They give the place after the token, or the complement of the place where it cannot go on. Whatever a token
// needs to be told from a wrong one stands in window bytes from there.
const (
	padding = 32
	window  = 12
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks the bytes of a word that end the plain part of a string: quote, backslash, control characters and bytes beyond ASCII. The
// lowest mark is exact, those above it may be false, because a marked byte borrows from the one above. Bytes beyond ASCII are marked by one
// of the first two subtractions: only 0xa2 is not by the first.
func special(w uint64) uint64 {
	quote, backslash := w^(ones*'"'), w^(ones*'\\')
	return ((quote - ones) | (backslash - ones) | (w - ones*' ')) & highs
}

// spaces has a bit for each byte that is white space.
const spaces = uint64(1)<<' ' | 1<<'\n' | 1<<'\r' | 1<<'\t'

// space gives the place of the first byte that is no white space.
func space(b []byte, i int) int {
	for b[i] <= ' ' && spaces>>b[i]&1 != 0 {
		i++
	}
	return i
}

// text reads a string from behind its first quote.
func (s *scanner) text(b []byte, i int) int {
	if i = s.marks.next(i); b[i] == '"' {
		return i + 1
	}
	return s.unusual(b, i)
}

// unusual is text from a marked byte on that is no quote.
func (s *scanner) unusual(b []byte, i int) int {
	for {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			i = escape(b, i)
		case c >= utf8.RuneSelf:
			i = beyondASCII(b, i)
		case c >= ' ':
			i++
		default:
			return ^i
		}
		if i < 0 {
			return i
		}
		i = s.marks.next(i)
	}
}

// beyondASCII reads UTF-8 up to the next ASCII byte.
func beyondASCII(b []byte, i int) int {
	for b[i] >= utf8.RuneSelf {
		if c := b[i]; c >= 0xc2 && c < 0xe0 && b[i+1]&0xc0 == 0x80 {
			i += 2
			continue
		}
		r, n := utf8.DecodeRune(b[i : i+utf8.UTFMax])
		if r == utf8.RuneError && n == 1 {
			return ^i
		}
		i += n
	}
	return i
}

// escape reads an escape sequence, or the two of a surrogate pair.
func escape(b []byte, i int) int {
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		r := hex(b[i+2 : i+6])
		switch {
		case r < 0, r >= 0xdc00 && r < 0xe000:
			return ^i
		case r < 0xd800 || r >= 0xe000:
			return i + 6
		}
		if low := hex(b[i+8 : i+12]); b[i+6] != '\\' || b[i+7] != 'u' || low < 0xdc00 || low >= 0xe000 {
			return ^i
		}
		return i + 12
	default:
		return ^i
	}
}

// hex reads hexadecimal digits; it gives a negative number for others.
func hex(b []byte) rune {
	var r rune
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// unescape appends what a string says, given its content, which text accepted.
func unescape(dst, content []byte) []byte {
	for i := 0; i < len(content); {
		c := content[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		switch c = content[i+1]; c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hex(content[i+2 : i+6])
			i += 6
			if r >= 0xd800 && r < 0xdc00 {
				r = (r-0xd800)<<10 | (hex(content[i+2:i+6]) - 0xdc00) + 0x10000
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
		i += 2
	}
	return dst
}

// plain reads a number, true, false or null.
func plain(b []byte, i int) int {
	switch b[i] {
	case 't':
		if string(b[i:i+4]) == "true" {
			return i + 4
		}
	case 'f':
		if string(b[i:i+5]) == "false" {
			return i + 5
		}
	case 'n':
		if string(b[i:i+4]) == "null" {
			return i + 4
		}
	default:
		return number(b, i)
	}
	return ^i
}

func number(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	switch c := b[i]; {
	case c == '0':
		i++
	case c >= '1' && c <= '9':
		i = digits(b, i)
	default:
		return ^i
	}
	if b[i] == '.' {
		if c := b[i+1]; c < '0' || c > '9' {
			return ^i
		}
		i = digits(b, i+1)
	}
	if b[i]|0x20 == 'e' {
		i++
		if b[i] == '+' || b[i] == '-' {
			i++
		}
		if b[i] < '0' || b[i] > '9' {
			return ^i
		}
		i = digits(b, i)
	}
	return i
}

// digits reads digits. All but the lowest mark of a byte that is none may be false.
func digits(b []byte, i int) int {
	for {
		w := binary.LittleEndian.Uint64(b[i:]) ^ ones*'0'
		if m := (w + ones*(0x80-10) | w) & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
}
