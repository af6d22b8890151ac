package envoy

import (
	"encoding/binary"
	"time"
)

// state is how far a call has come.
type state int

const (
	// reading: the message is not whole.
	reading state = iota
	// deciding: it is, or will not be read on.
	deciding
	// answered: the answer waits for the peer to take more.
	answered
)

// stream is a call.
type stream struct {
	id    uint32
	state state
	// since is when it began, until when whoever asks stops waiting.
	since, until time.Time
	health       bool
	metadata     Metadata
	// ended tells that the peer has sent everything; gone that it does not wait for an answer any more; apart that a goroutine of its own
	// decides.
	ended, gone, apart bool

	// length is what the request says about the size of its body, or -1; came is what came of it.
	length, came int64
	prefix       [prefix]byte
	// message is what came after the prefix. It may be part of what the connection has read.
	message []byte
	release func()
	// refused is why the message is not read, if it is not.
	refused    Unreadable
	unreadable bool

	// taken is what came of the body since the peer was told that it may send more.
	taken int
	// window is how much the peer takes; rest is what it has not taken yet.
	window int64
	rest   []byte
}

func (st *stream) free() {
	if st.release != nil {
		st.release()
	}
	st.release, st.message = nil, nil
}

// maxFree bounds the calls that are kept to be used again.
const maxFree = 16

// open begins a call.
func (c *conn) open(id uint32, now time.Time) *stream {
	st := &stream{}
	if n := len(c.free); n > 0 {
		st, c.free = c.free[n-1], c.free[:n-1]
	}
	*st = stream{
		id: id, since: now, until: deadline(c.request.metadata.Get("grpc-timeout"), now), metadata: append(st.metadata[:0], c.request.metadata...),
		health: c.request.path == healthPath, window: c.out.first, rest: st.rest[:0],
	}
	c.streams[id] = st
	return st
}

// forget ends a call.
func (c *conn) forget(st *stream) {
	delete(c.streams, st.id)
	st.free()
	if clear(st.metadata); len(c.free) < maxFree {
		c.free = append(c.free, st)
	}
}

// refuse has a call answered without reading on.
func (c *conn) refuse(st *stream, why Unreadable) {
	st.refused, st.unreadable = why, true
	c.whole(st)
}

// whole has a call answered.
func (c *conn) whole(st *stream) {
	st.state = deciding
	c.ready = append(c.ready, st)
}

// data takes what came of the body of a call.
func (c *conn) data(st *stream, b []byte, ends bool) {
	st.came += int64(len(b))
	st.ended = ends
	why, ok := st.read(c.server, b)
	switch {
	case !ok:
		c.refuse(st, why)
	case !ends:
	case !st.complete() || (st.length >= 0 && st.length != st.came):
		c.refuse(st, Malformed)
	default:
		c.whole(st)
	}
}

func (st *stream) size() int { return int(binary.BigEndian.Uint32(st.prefix[1:])) }

func (st *stream) complete() bool { return st.came == int64(prefix+st.size()) }

// read reads on in the one message of a unary call.
func (st *stream) read(s *Server, b []byte) (why Unreadable, ok bool) {
	if missing := prefix - (int(st.came) - len(b)); missing > 0 {
		n := copy(st.prefix[prefix-missing:], b)
		if b = b[n:]; n < missing {
			return 0, true
		}
		size := st.size()
		switch {
		case st.prefix[0] != 0: // compressed
			return Malformed, false
		case size > maxMessage:
			return TooLarge, false
		case len(b) == size && st.ended:
			st.message = b
			return 0, true
		case size > smallBuffer:
			release, ok := s.Hold(int64(size))
			if !ok {
				return Busy, false
			}
			st.release = release
		}
		st.message = make([]byte, 0, size)
	}
	if len(st.message)+len(b) > st.size() {
		return Malformed, false // one message, and its end
	}
	st.message = append(st.message, b...)
	return 0, true
}
