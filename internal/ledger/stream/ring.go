package stream

import (
	"sort"
	"sync"

	"github.com/optup/optup/internal/consent"
)

const (
	// segmentSize is how many bytes of a ring stand together, and so the most that is written at once.
	segmentSize = 64 << 10
	// ringSize is how many bytes of frames a scope keeps. Whoever is further behind reads a snapshot again.
	ringSize = 4 << 20
)

// ring is the frames that everybody of one scope gets, encoded once: bytes that are never changed, the newest of them. Readers hold nothing
// but a cursor. It has one writer.
type ring struct {
	limit int

	mu sync.RWMutex
	// start is the position before that of the oldest change, last that of the newest. Nothing is known about either before the ring is
	// told.
	known       bool
	start, last consent.Position
	segments    []*segment
	size        int
}

// segment is a stretch of frames. Its bytes are appended to within their capacity, so that what was handed out stays where it is.
type segment struct {
	base  uint64
	bytes []byte
	marks []mark
}

// mark is where a frame ends.
type mark struct {
	end      int
	position consent.Position
}

// cursor is the place of one reader.
type cursor struct {
	offset uint64
	// waits tells that the offset is not known yet: it is that behind the frame of the position after.
	waits bool
	after consent.Position
}

// begin tells at which position a ring begins.
func (r *ring) begin(at consent.Position) { r.known, r.start, r.last = true, at, at }

// add adds the frame of a position. It reports false if that does not follow the one before.
func (r *ring) add(at consent.Position, frame []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known {
		r.begin(at - 1)
	}
	if at != r.last+1 {
		return false
	}
	r.last = at
	var s *segment
	if n := len(r.segments); n > 0 {
		s = r.segments[n-1]
	}
	if s == nil || len(s.bytes)+len(frame) > cap(s.bytes) {
		next := &segment{bytes: make([]byte, 0, max(segmentSize, len(frame)))}
		if s != nil {
			next.base = s.base + uint64(len(s.bytes))
		}
		s = next
		r.segments = append(r.segments, s)
		r.size += cap(s.bytes)
	}
	s.bytes = append(s.bytes, frame...)
	s.marks = append(s.marks, mark{len(s.bytes), at})
	for r.size > r.limit && len(r.segments) > 1 {
		old := r.segments[0]
		r.start = old.marks[len(old.marks)-1].position
		r.size -= cap(old.bytes)
		r.segments = append(r.segments[:0:0], r.segments[1:]...)
	}
	return true
}

// after gives the cursor of a reader that knows everything up to a position, and false if the changes after it are not there any more.
func (r *ring) after(at consent.Position) (cursor, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return cursor{after: at, waits: true}, !r.known || at >= r.start
}

// next gives the bytes after a cursor that stand together, and moves it; none if there are no newer ones. It reports false for a reader that
// has fallen off.
func (r *ring) next(c *cursor) ([]byte, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if c.waits {
		switch {
		case !r.known || r.last <= c.after:
			return nil, true
		case c.after < r.start:
			return nil, false
		}
		c.offset, c.waits = r.offset(c.after), false
	}
	if len(r.segments) == 0 {
		return nil, true
	}
	if c.offset < r.segments[0].base {
		return nil, false
	}
	// Nearly everybody reads at the end.
	i := len(r.segments) - 1
	for c.offset < r.segments[i].base {
		i--
	}
	s := r.segments[i]
	from := int(c.offset - s.base)
	c.offset += uint64(len(s.bytes) - from)
	return s.bytes[from:len(s.bytes):len(s.bytes)], true
}

// offset is where the frame of a position ends that lies between start and last.
func (r *ring) offset(at consent.Position) uint64 {
	for _, s := range r.segments {
		n := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].position >= at })
		if n < len(s.marks) && s.marks[n].position == at {
			return s.base + uint64(s.marks[n].end)
		}
	}
	return r.segments[0].base // the one at which the ring begins
}
