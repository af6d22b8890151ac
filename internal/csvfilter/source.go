package csvfilter

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// source reads rows from a stream.
type source struct {
	r io.Reader
	// limit bounds a row in bytes.
	limit int
	buf   []byte
	eof   bool
}

// rows gives each row with the end of its line, and how long it is without. An empty body is one empty row.
func (in *source) rows(take func(s *syntax, row []byte, text int) error) error {
	var s syntax
	for at, some := 0, false; ; {
		if some && in.eof && at == len(in.buf) {
			return nil
		}
		whole, text, err := s.row(in.buf[at:], in.eof)
		switch {
		case err != nil:
			return err
		case whole > in.limit, whole == 0 && len(in.buf)-at > in.limit:
			return ErrTooLarge
		case whole > 0 || in.eof:
			if err := take(&s, in.buf[at:at+whole], text); err != nil {
				return err
			}
			at, some = at+whole, true
			continue
		}
		in.buf = in.buf[:copy(in.buf, in.buf[at:])]
		at = 0
		if err := in.more(); err != nil {
			return err
		}
	}
}

// block is how much is read at least, in bytes.
const block = 16 << 10

// more reads as much as there is already, so that a long row is not looked at again for every small part of it.
func (in *source) more() error {
	want := max(block, len(in.buf))
	in.buf = slices.Grow(in.buf, want)
	from := len(in.buf)
	n, err := io.ReadFull(in.r, in.buf[from:from+want])
	in.buf = in.buf[:from+n]
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		in.eof = true
	case err != nil:
		return fmt.Errorf("read: %w", err)
	}
	return nil
}
