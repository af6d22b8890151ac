package proxy

import (
	"errors"
	"io"
	"sync/atomic"
)

// maxHeld bounds the bodies that a sidecar holds at once, in bytes: requests that are decided about, and answers that have to be whole.
const maxHeld = 64 << 20

var (
	errTooLarge = errors.New("the body is larger than what can be checked")
	errBusy     = errors.New("too many bodies are held")
)

// budget is what may be held at once.
type budget struct {
	most int64
	used atomic.Int64
}

func (b *budget) take(n int64) bool {
	if b.used.Add(n) > b.most {
		b.used.Add(-n)
		return false
	}
	return true
}

// hold reads a body whole, within the bounds of one and of all. Length is what was announced, or negative. What was read is given with
// an error, too. It counts as held until the exchange ends.
func (x *exchange) hold(source io.Reader, length int64) ([]byte, error) {
	size := int64(4 << 10)
	if length >= 0 && length < maxBody {
		size = min(length+1, chunk) // one more, so that the end is seen; what was announced has yet to come
	}
	if !x.reserve(size) {
		return nil, errBusy
	}
	body := make([]byte, 0, size)
	for {
		if len(body) == cap(body) {
			if len(body) > maxBody {
				return body, errTooLarge
			}
			more := int64(cap(body))
			if !x.reserve(more) {
				return body, errBusy
			}
			body = append(make([]byte, 0, int64(cap(body))+more), body...)
		}
		n, err := source.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > maxBody:
			return body, errTooLarge
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return body, err
		}
	}
}

// Hold takes room for what is held beside requests, of the same budget. It reports false where there is none.
func (p *Proxy) Hold(n int64) (release func(), ok bool) {
	p.setup()
	if !p.held.take(n) {
		return nil, false
	}
	return func() { p.held.used.Add(-n) }, true
}

func (x *exchange) reserve(n int64) bool {
	if !x.proxy.held.take(n) {
		return false
	}
	x.held += n
	return true
}

// release gives back what the exchange held.
func (x *exchange) release() {
	if x.held > 0 {
		x.proxy.held.used.Add(-x.held)
		x.held = 0
	}
}
