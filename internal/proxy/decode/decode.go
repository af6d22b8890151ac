package decode

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strings"
)

// ErrBomb reports a body that decodes to more than so few bytes honestly hold.
var ErrBomb = errors.New("the body decodes to far more than came")

const (
	// ratio is how many bytes may come out for one that went in; JSON lists of alike records stay well below.
	ratio = 100
	// free is what may come out before the ratio counts, in bytes.
	free = 1 << 20
)

// Known tells whether a body with these Content-Encoding lines can be read: not encoded, or with one of gzip and deflate. Several
// codings, empty ones included, are never read.
func Known(lines []string) bool {
	return len(lines) == 0 || len(lines) == 1 && coding(lines[0]) != ""
}

func coding(line string) string {
	switch c := strings.ToLower(line); c {
	case "identity", "gzip", "deflate":
		return c
	case "x-gzip": // RFC 9110 §8.4.1.3
		return "gzip"
	default:
		return ""
	}
}

// Reader decodes src, whose Content-Encoding lines are Known. It holds a window of 32 KiB and no more, whatever comes. Errors are
// ErrBomb, those of the coding, and those of src.
func Reader(lines []string, src io.Reader) (io.Reader, error) {
	if len(lines) == 0 {
		return src, nil
	}
	switch coding(lines[0]) {
	case "identity":
		return src, nil
	case "gzip":
		in := &counted{r: src}
		out, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		return &limited{r: out, in: in}, nil
	case "deflate":
		in := &counted{r: src}
		out, err := inflate(in)
		if err != nil {
			return nil, err
		}
		return &limited{r: out, in: in}, nil
	default:
		return nil, errors.ErrUnsupported
	}
}

// inflate reads deflate in the wrapper of zlib, as RFC 9110 §8.4.1.2 has it, and without one, as some servers send it.
func inflate(in io.Reader) (io.Reader, error) {
	br := bufio.NewReader(in)
	head, err := br.Peek(2)
	if err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	if head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		return zlib.NewReader(br)
	}
	return flate.NewReader(br), nil
}

type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// limited ends a body that grows too fast.
type limited struct {
	r   io.Reader
	in  *counted
	out int64
}

func (l *limited) Read(b []byte) (int, error) {
	n, err := l.r.Read(b)
	l.out += int64(n)
	if l.out > free && l.out > ratio*l.in.n {
		return 0, ErrBomb
	}
	return n, err
}
