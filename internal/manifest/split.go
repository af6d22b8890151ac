package manifest

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// chunk is a piece of a stream with one document, seldom several, that can be read by itself.
type chunk struct {
	text []byte
	// before is the number of lines before it.
	before int
}

// split cuts a stream at its separators, as kubectl does, so that a broken document does not hide those after it. Comments and
// directives before the first separator stay with the document that follows.
func split(text []byte) []chunk {
	var out []chunk
	current := chunk{}
	content, lines, start, end := false, 0, 0, 0
	for line := range bytes.Lines(text) {
		rest := bytes.TrimSpace(line)
		if separator(line) {
			if content {
				current.text = text[start:end]
				out = append(out, current)
				current, start, content = chunk{before: lines}, end, false
			}
			rest = bytes.TrimSpace(line[3:])
		}
		content = content || len(rest) > 0 && rest[0] != '#' && rest[0] != '%'
		lines++
		end += len(line)
	}
	if content {
		current.text = text[start:]
		out = append(out, current)
	}
	return out
}

func separator(line []byte) bool {
	return bytes.HasPrefix(line, []byte("---")) && (len(line) == 3 || bytes.IndexByte([]byte(" \t\r\n"), line[3]) >= 0)
}

// unreadable finds what no YAML may hold: bytes that are not UTF-8, and control characters.
func unreadable(text []byte) (line, column int, message string) {
	line, column = 1, 1
	for i := 0; i < len(text); {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(text[i:])
		}
		switch {
		case r == utf8.RuneError && n == 1:
			return line, column, fmt.Sprintf("the byte 0x%02x is not UTF-8", text[i])
		case r == '\n':
			line, column = line+1, 0
		case r < ' ' && r != '\t' && r != '\r', r == 0x7f:
			return line, column, fmt.Sprintf("the control character 0x%02x is not allowed in YAML", r)
		}
		column++
		i += n
	}
	return 0, 0, ""
}
