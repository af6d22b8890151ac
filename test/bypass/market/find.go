package market

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Mark tells whose a marker is and what it stands in.
type Mark struct {
	Who, Field string
	// Hidden ones must not pass.
	Hidden bool
}

// Found are markers by their text.
type Found map[string]Mark

// Hidden leaves out what may be seen.
func (f Found) Hidden() Found {
	out := Found{}
	for t, m := range f {
		if m.Hidden {
			out[t] = m
		}
	}
	return out
}

// part is how much of a marker is enough to tell whose it is.
const part = 3 + 5

// Find looks for markers in bytes, also where they are compressed or written in another way: in UTF-16 or UTF-7, escaped as in JSON,
// URLs or HTML, in base64, or in capitals. Of a marker its first eight characters are enough.
func (m *Market) Find(data []byte) Found {
	out := Found{}
	m.find(out, data, 3)
	return out
}

func (m *Market) find(out Found, data []byte, depth int) {
	text := bytes.ToLower(data)
	m.plain(out, text)
	if depth == 0 {
		return
	}
	for _, decode := range decoders {
		if other := decode(data); len(other) > 0 {
			m.find(out, other, depth-1)
		}
	}
}

func (m *Market) plain(out Found, text []byte) {
	for _, start := range []string{hiddenStart, shownStart} {
		for rest := text; ; {
			i := bytes.Index(rest, []byte(start))
			if i < 0 {
				break
			}
			rest = rest[i:]
			if t, mark, ok := m.at(rest); ok {
				out[t] = mark
			}
			rest = rest[1:]
		}
	}
	if t := strconv.Itoa(m.House.Total); bytes.Contains(text, []byte(t)) {
		out[t] = m.marks[t]
	}
}

// at reads the marker, or the part of one, that text begins with.
func (m *Market) at(text []byte) (string, Mark, bool) {
	if len(text) >= tokenLength {
		if mark, ok := m.marks[string(text[:tokenLength])]; ok {
			return string(text[:tokenLength]), mark, true
		}
	}
	if len(text) < part {
		return "", Mark{}, false
	}
	for t, mark := range m.marks { // rare: only for what begins like a marker and is none
		if strings.HasPrefix(t, string(text[:part])) {
			return t, mark, true
		}
	}
	return "", Mark{}, false
}

// decoders give what bytes may stand for; nothing where that is not so.
var decoders = []func([]byte) []byte{compressed, wide, escaped, percent, entities, seven, encoded}

const most = 4 << 20

func compressed(data []byte) []byte {
	var r io.Reader
	var err error
	switch {
	case len(data) > 2 && data[0] == 0x1f && data[1] == 0x8b:
		r, err = gzip.NewReader(bytes.NewReader(data))
	case len(data) > 2 && data[0]&0x0f == 8 && (uint(data[0])<<8|uint(data[1]))%31 == 0:
		r, err = zlib.NewReader(bytes.NewReader(data))
	case len(data) > 2 && (data[0] < '\t' || data[0] > 0x7e):
		r = flate.NewReader(bytes.NewReader(data))
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	out, _ := io.ReadAll(io.LimitReader(r, most)) // what came before an error counts
	return out
}

// wide takes out the zero bytes of UTF-16 and UTF-32, in either order.
func wide(data []byte) []byte {
	if bytes.IndexByte(data, 0) < 0 {
		return nil
	}
	return bytes.ReplaceAll(data, []byte{0}, nil)
}

func escaped(data []byte) []byte {
	if !bytes.Contains(data, []byte(`\u`)) && !bytes.Contains(data, []byte(`\x`)) {
		return nil
	}
	return hex(hex(data, `\u`, 4), `\x`, 2)
}

func percent(data []byte) []byte {
	if bytes.IndexByte(data, '%') < 0 {
		return nil
	}
	return hex(data, "%", 2)
}

func entities(data []byte) []byte {
	if !bytes.Contains(data, []byte("&#")) {
		return nil
	}
	var out []byte
	for i := 0; i < len(data); i++ {
		if end := bytes.IndexByte(data[i:min(len(data), i+10)], ';'); bytes.HasPrefix(data[i:], []byte("&#")) && end > 2 {
			digits, base := string(data[i+2:i+end]), 10
			if strings.HasPrefix(strings.ToLower(digits), "x") {
				digits, base = digits[1:], 16
			}
			if n, err := strconv.ParseUint(digits, base, 7); err == nil {
				out = append(out, byte(n))
				i += end
				continue
			}
		}
		out = append(out, data[i])
	}
	return out
}

// hex resolves escapes of a number of hexadecimal digits; those that are no ASCII stay.
func hex(data []byte, prefix string, digits int) []byte {
	var out []byte
	for i := 0; i < len(data); i++ {
		if from := i + len(prefix); bytes.HasPrefix(data[i:], []byte(prefix)) && from+digits <= len(data) {
			if n, err := strconv.ParseUint(string(data[from:from+digits]), 16, 7); err == nil {
				out = append(out, byte(n))
				i = from + digits - 1
				continue
			}
		}
		out = append(out, data[i])
	}
	return out
}

// seven reads UTF-7 (RFC 2152).
func seven(data []byte) []byte {
	if !bytes.Contains(data, []byte("+A")) {
		return nil
	}
	return []byte(FromUTF7(string(data)))
}

// FromUTF7 reads UTF-7; what is none stays.
func FromUTF7(text string) string {
	var out strings.Builder
	for {
		before, after, ok := strings.Cut(text, "+")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		end := strings.IndexFunc(after, func(c rune) bool { return !strings.ContainsRune(base64Letters, c) })
		if end < 0 {
			end = len(after)
		}
		raw, err := base64.RawStdEncoding.DecodeString(after[:end])
		switch {
		case end == 0 && strings.HasPrefix(after, "-"):
			out.WriteByte('+')
		case err != nil || end == 0:
			out.WriteString("+" + after[:end])
		default:
			units := make([]uint16, len(raw)/2)
			for i := range units {
				units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
			}
			out.WriteString(string(utf16.Decode(units)))
		}
		text = strings.TrimPrefix(after[end:], "-")
	}
}

// ToUTF7 writes everything but letters and digits in base64.
func ToUTF7(text string) string {
	var out strings.Builder
	for _, c := range text {
		if c < 0x80 && strings.ContainsRune(base64Letters[:62], c) {
			out.WriteRune(c)
			continue
		}
		var raw []byte
		for _, u := range utf16.Encode([]rune{c}) {
			raw = append(raw, byte(u>>8), byte(u))
		}
		out.WriteString("+" + base64.RawStdEncoding.EncodeToString(raw) + "-")
	}
	return out.String()
}

const base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// encoded reads long runs of base64.
func encoded(data []byte) []byte {
	var out []byte
	for rest := data; len(rest) > 0; {
		n := bytes.IndexFunc(rest, func(c rune) bool { return !strings.ContainsRune(base64Letters, c) && c != '-' && c != '_' })
		if n < 0 {
			n = len(rest)
		}
		if n >= 20 {
			run := strings.NewReplacer("-", "+", "_", "/").Replace(string(rest[:n]))
			for shift := range 4 { // the run may have begun in the middle
				if raw, err := base64.RawStdEncoding.DecodeString(run[shift : shift+(len(run)-shift)/4*4]); err == nil {
					out = append(out, raw...)
				}
			}
		}
		rest = rest[min(n+1, len(rest)):]
	}
	return out
}
