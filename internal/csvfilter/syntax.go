package csvfilter

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrUnreadable reports a body that is no strict CSV. Its text never holds a part of the body.
var ErrUnreadable = errors.New("the body is not strict CSV")

func unreadable(what string) error { return fmt.Errorf("%w: %s", ErrUnreadable, what) }

// span is a part of a row, without the separators around it.
type span struct{ start, end int }

// syntax reads rows one after the other.
type syntax struct {
	// cells are those of the row that was read last, with their quotes.
	cells []span
	// ending is how lines end: empty as long as none has.
	ending string
}

// row reads the row that b begins with, and gives its length with and without the end of its line. Both are 0 if b ends before the row
// does and last does not say that nothing follows.
func (s *syntax) row(b []byte, last bool) (whole, text int, err error) {
	s.cells = s.cells[:0]
	for at := 0; ; {
		end, more, err := cell(b, at, last)
		if err != nil || more {
			return 0, 0, err
		}
		s.cells = append(s.cells, span{at, end})
		if end > at && b[end-1] == '\\' {
			return 0, 0, unreadable("a backslash at the end of a cell, which some readers take for an escape")
		}
		switch {
		case end == len(b):
			return end, end, check(b)
		case b[end] == ',':
			at = end + 1
		case b[end] == '\n':
			return end + 1, end, errors.Join(s.end("\n"), check(b[:end]))
		case end+1 == len(b) && !last:
			return 0, 0, nil
		case end+1 < len(b) && b[end+1] == '\n':
			return end + 2, end, errors.Join(s.end("\r\n"), check(b[:end]))
		default:
			return 0, 0, unreadable("a CR without an LF")
		}
	}
}

// end notes how a line ends: a reader that knows one end only would see one row where others see two.
func (s *syntax) end(how string) error {
	if s.ending != "" && s.ending != how {
		return unreadable("lines end in different ways")
	}
	s.ending = how
	return nil
}

// cell finds the end of the cell that begins at a place: that of the body, or a comma, CR or LF. More tells that b ends before it can be
// known.
func cell(b []byte, at int, last bool) (end int, more bool, err error) {
	if at == len(b) {
		return at, !last, nil
	}
	if b[at] == '"' {
		return quoted(b, at, last)
	}
	n := bytes.IndexAny(b[at:], ",\r\n\"")
	switch {
	case n < 0:
		return len(b), !last, nil
	case b[at+n] == '"':
		return 0, false, unreadable("a quote within a cell that does not begin with one")
	}
	return at + n, false, nil
}

func quoted(b []byte, at int, last bool) (end int, more bool, err error) {
	for i := at + 1; ; i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			if last {
				return 0, false, unreadable("a quote that is not closed")
			}
			return 0, true, nil
		}
		i += n
		switch {
		case b[i-1] == '\\':
			return 0, false, unreadable("a backslash before a quote, which some readers take for an escape")
		case i+1 == len(b):
			return i + 1, !last, nil
		case b[i+1] == '"':
			i++
		case b[i+1] == ',', b[i+1] == '\r', b[i+1] == '\n':
			return i + 1, false, nil
		default:
			return 0, false, unreadable("something follows a closing quote")
		}
	}
}

// breaks are characters that some readers take for the end of a line.
var breaks = []string{"\u0085", "\u2028", "\u2029"}

// check refuses what cannot be text, or would break lines for some readers.
func check(row []byte) error {
	high := false
	for i, c := range row {
		switch {
		case c >= utf8.RuneSelf:
			high = true
		case c == '\r' && i+1 < len(row) && row[i+1] == '\n', c == '\t', c == '\n':
		case c < ' ', c == 0x7f:
			return unreadable("a control character")
		}
	}
	if !high {
		return nil
	}
	if !utf8.Valid(row) {
		return unreadable("it is not UTF-8")
	}
	for _, x := range breaks {
		if bytes.Contains(row, []byte(x)) {
			return unreadable("a line separator that is not the end of a line")
		}
	}
	return nil
}

// value is what stands in a cell.
func value(raw []byte) string {
	if len(raw) == 0 || raw[0] != '"' {
		return string(raw)
	}
	return strings.ReplaceAll(string(raw[1:len(raw)-1]), `""`, `"`)
}

// maxColumns bounds the columns of a table.
const maxColumns = 4096

// header reads the names of the columns from the cells of the first row.
func (s *syntax) header(row []byte) ([]string, error) {
	if bytes.HasPrefix(row, []byte("\ufeff")) {
		return nil, unreadable("it begins with a byte order mark")
	}
	if len(row) >= 4 && strings.EqualFold(string(row[:4]), "sep=") {
		return nil, unreadable("its first line announces a separator")
	}
	if len(s.cells) > maxColumns {
		return nil, unreadable("too many columns")
	}
	seen, names := make(map[string]bool, len(s.cells)), make([]string, len(s.cells))
	for i, c := range s.cells {
		name := value(row[c.start:c.end])
		folded := strings.ToLower(name)
		switch {
		case name == "", name != strings.TrimSpace(name):
			return nil, unreadable("a column without a name, or with a space around it")
		case seen[folded]:
			return nil, unreadable("two columns with the same name")
		}
		seen[folded], names[i] = true, name
	}
	return names, nil
}

// fits tells whether a row can belong to a table. An empty line is none: some readers skip it.
func (s *syntax) fits(columns int) error {
	if len(s.cells) != columns || (columns == 1 && s.cells[0].start == s.cells[0].end) {
		return unreadable("a row with more or fewer cells than the header")
	}
	return nil
}
