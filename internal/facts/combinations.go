package facts

import (
	"hash/maphash"
	"sync/atomic"
)

const (
	// pageOf is how many combinations a page keeps, chunkOf how many pages a chunk.
	pageOf  = 64
	chunkOf = 512
)

// combinations keeps each combination of facts once, under a number that is never given to another one.
//
// Contents are immutable, and so is a page: a new one takes its place for each change. Readers load a page and need no lock; what they
// look for may be gone, if the last person to whom it applied has changed meanwhile. Counting is for the one who writes.
type combinations struct {
	chunks atomic.Pointer[[]atomic.Pointer[chunk]]
	index  index
	// next is the number that comes next, last the last that there is.
	next, last uint32
	live       int
	size       int64
	// alone tells that nobody reads yet, so that pages may change. Room is what a page needs, as the last ones did.
	alone bool
	room  int
	// dated tells that these are records: each has a plain combination, which is kept apart for those who need nothing else of it.
	dated bool
}

type chunk struct {
	pages [chunkOf]atomic.Pointer[page]
	refs  [chunkOf]*[pageOf]uint32
	// plains are the plain combinations of records; 0 for a record that is gone.
	plains [chunkOf]atomic.Pointer[[pageOf]atomic.Uint32]
	// full counts the pages that hold something.
	full int
}

// page holds the contents of up to 64 numbers, one after the other. Slices of pages may share memory, of which none changes what another
// one shows.
type page struct {
	here uint64
	ends []uint32
	data []byte
	dead int
}

func (p *page) content(slot uint32) []byte {
	if p == nil || p.here>>slot&1 == 0 {
		return nil
	}
	start := uint32(0)
	if slot > 0 {
		start = p.ends[slot-1]
	}
	return p.data[start:p.ends[slot]:p.ends[slot]]
}

// newPage is a function of its own so that nothing is allocated where a page may change.
func newPage(p page) *page { return &p }

func (c *combinations) init(last uint32) {
	c.next, c.last = 1, last
	c.index = index{seed: maphash.MakeSeed(), bytes: c.content}
	c.chunks.Store(&[]atomic.Pointer[chunk]{})
}

func pageOfID(id uint32) (chunkAt, pageAt, slot uint32) {
	return id / (chunkOf * pageOf), id / pageOf % chunkOf, id % pageOf
}

// content gives what is kept under a number; nil if it is gone.
func (c *combinations) content(id uint32) []byte {
	k, p, slot := pageOfID(id)
	chunks := *c.chunks.Load()
	if int(k) >= len(chunks) {
		return nil
	}
	if one := chunks[k].Load(); one != nil {
		return one.pages[p].Load().content(slot)
	}
	return nil
}

// intern gives the number of a content, which stays the caller's. Whoever gets a number has to hold it.
func (c *combinations) intern(content []byte) (uint32, error) {
	if id := c.index.find(content); id != 0 {
		return id, nil
	}
	if c.next == c.last {
		return 0, ErrFull
	}
	id := c.next
	c.next++
	k, p, slot := pageOfID(id)
	chunks := *c.chunks.Load()
	if int(k) >= len(chunks) {
		more := make([]atomic.Pointer[chunk], k+1)
		for i := range chunks {
			more[i].Store(chunks[i].Load())
		}
		chunks = more
		c.chunks.Store(&more)
	}
	one := chunks[k].Load()
	if one == nil {
		one = &chunk{}
		chunks[k].Store(one)
	}
	old := one.pages[p].Load()
	if old == nil {
		old = &page{ends: make([]uint32, 0, pageOf), data: make([]byte, 0, c.room)}
		c.size += int64(cap(old.data) + 4*cap(old.ends))
		one.refs[p] = new([pageOf]uint32)
		if c.dated {
			one.plains[p].Store(new([pageOf]atomic.Uint32))
		}
		one.full++
	}
	now := *old
	for uint32(len(now.ends)) < slot { // numbers start at 1, and those that went before a page was dropped left no mark
		now.ends = append(now.ends, uint32(len(now.data)))
	}
	now.data = append(now.data, content...)
	now.ends = append(now.ends, uint32(len(now.data)))
	now.here |= 1 << slot
	if c.size += int64(cap(now.data) - cap(old.data) + 4*(cap(now.ends)-cap(old.ends))); slot == pageOf-1 {
		c.room = len(now.data) + len(now.data)/32
	}
	if c.alone && one.pages[p].Load() == old {
		*old = now
	} else {
		one.pages[p].Store(newPage(now))
	}
	c.live++
	c.index.add(id)
	return id, nil
}

func (c *combinations) ref(id uint32) *uint32 {
	k, p, slot := pageOfID(id)
	return &(*c.chunks.Load())[k].Load().refs[p][slot]
}

// plain gives the plain combination of a record; 0 if it is gone.
func (c *combinations) plain(id uint32) uint32 {
	k, p, slot := pageOfID(id)
	chunks := *c.chunks.Load()
	if int(k) >= len(chunks) {
		return 0
	}
	if one := chunks[k].Load(); one != nil {
		if plains := one.plains[p].Load(); plains != nil {
			return plains[slot].Load()
		}
	}
	return 0
}

// setPlain notes the plain combination of a new record.
func (c *combinations) setPlain(id, plain uint32) {
	k, p, slot := pageOfID(id)
	(*c.chunks.Load())[k].Load().plains[p].Load()[slot].Store(plain)
}

// hold notes that a number is in use once more.
func (c *combinations) hold(id uint32) { *c.ref(id)++ }

// release notes that a number is in use once less. It reports true for one that nobody uses any more, which is forgotten.
func (c *combinations) release(id uint32) bool {
	r := c.ref(id)
	if *r--; *r > 0 {
		return false
	}
	c.index.remove(id)
	c.live--
	k, p, slot := pageOfID(id)
	holder := &(*c.chunks.Load())[k]
	one := holder.Load()
	old := one.pages[p].Load()
	now := *old
	now.here &^= 1 << slot
	now.dead += len(old.content(slot))
	if plains := one.plains[p].Load(); plains != nil {
		plains[slot].Store(0)
	}
	switch {
	case now.here == 0:
		c.size -= int64(cap(old.data) + 4*cap(old.ends))
		one.pages[p].Store(nil)
		one.refs[p] = nil
		one.plains[p].Store(nil)
		if one.full--; one.full == 0 {
			holder.Store(nil)
		}
		return true
	case 2*now.dead > len(now.data):
		now = now.compact()
		c.size += int64(cap(now.data) - cap(old.data) + 4*(cap(now.ends)-cap(old.ends)))
	}
	one.pages[p].Store(&now)
	return true
}

// compact gives the page without what is gone.
func (p *page) compact() page {
	out := page{here: p.here, ends: make([]uint32, 0, len(p.ends)), data: make([]byte, 0, len(p.data)-p.dead)}
	for slot := range uint32(len(p.ends)) {
		out.data = append(out.data, p.content(slot)...)
		out.ends = append(out.ends, uint32(len(out.data)))
	}
	return out
}

// bytes is the memory that is held.
func (c *combinations) bytes() int64 {
	chunks := *c.chunks.Load()
	n := c.size + int64(8*len(chunks)+4*cap(c.index.ids))
	for i := range chunks {
		if one := chunks[i].Load(); one != nil {
			const fixed, perPage = 3 * 8 * chunkOf, 64 + 4*pageOf
			n += fixed + int64(one.full)*perPage
			if c.dated {
				n += int64(one.full) * 4 * pageOf
			}
		}
	}
	return n
}
