package credential

import (
	"errors"
	"strings"
)

// maxText is the longest credential that is sent in a request, in bytes: what servers take in a header.
const maxText = 8 << 10

// Errors of Text. None quotes what it is about.
var (
	ErrEmpty   = errors.New("it is empty")
	ErrTooLong = errors.New("it is longer than 8 KiB")
	ErrNoText  = errors.New("it holds something else than one line of printable ASCII")
)

// Text gives what is sent of a value that people write: one line of printable ASCII, without the end of line and the spaces that editors
// and shells leave around it.
func Text(value []byte) (Secret, error) {
	s := strings.TrimSpace(string(value))
	switch {
	case s == "":
		return Secret{}, ErrEmpty
	case len(s) > maxText:
		return Secret{}, ErrTooLong
	case strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) >= 0:
		return Secret{}, ErrNoText
	}
	return New(s), nil
}
