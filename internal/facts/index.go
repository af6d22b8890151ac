package facts

import (
	"bytes"
	"hash/maphash"
)

// index finds the number of a combination by its content. It holds no pointers and is for the one who writes.
type index struct {
	seed  maphash.Seed
	ids   []uint32 // a power of two, 0 for free
	used  int
	bytes func(id uint32) []byte
}

func (x *index) home(content []byte) int {
	return int(maphash.Bytes(x.seed, content) & uint64(len(x.ids)-1))
}

// find gives a number, 0 for a content that has none.
func (x *index) find(content []byte) uint32 {
	if len(x.ids) == 0 {
		return 0
	}
	for at := x.home(content); x.ids[at] != 0; at = (at + 1) & (len(x.ids) - 1) {
		if bytes.Equal(x.bytes(x.ids[at]), content) {
			return x.ids[at]
		}
	}
	return 0
}

// add enters a number whose content is not in the index.
func (x *index) add(id uint32) {
	if 4*(x.used+1) > 3*len(x.ids) {
		old := x.ids
		x.ids, x.used = make([]uint32, max(2*len(old), 64)), 0
		for _, o := range old {
			if o != 0 {
				x.enter(o)
			}
		}
	}
	x.enter(id)
}

func (x *index) enter(id uint32) {
	at := x.home(x.bytes(id))
	for x.ids[at] != 0 {
		at = (at + 1) & (len(x.ids) - 1)
	}
	x.ids[at] = id
	x.used++
}

// remove takes a number out, and closes the gap: what follows and would no longer be found moves up.
func (x *index) remove(id uint32) {
	mask := len(x.ids) - 1
	at := x.home(x.bytes(id))
	for x.ids[at] != id {
		at = (at + 1) & mask
	}
	for next := (at + 1) & mask; x.ids[next] != 0; next = (next + 1) & mask {
		if home := x.home(x.bytes(x.ids[next])); (next-home)&mask >= (next-at)&mask {
			x.ids[at] = x.ids[next]
			at = next
		}
	}
	x.ids[at] = 0
	x.used--
}
