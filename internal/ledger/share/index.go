package share

import "math/bits"

// index finds a place in the rows by the key that stands there, a tag or a group. It holds no pointers and no keys. Places are counted
// from 0, and every key is in the index once.
//
// An entry is the place and 1, and above that as many bits of the key's hash as there is room for: a row is hardly ever read in vain, and
// each row that is read is one that the processor waits for.
type index struct {
	of   field
	at   []uint32 // a power of two; 0 for free
	used int
	low  uint32 // the bits of an entry that are the place and 1
}

// field is what an index finds rows by.
type field byte

const (
	ofTag field = iota
	ofGroup
)

func (x *index) key(rows []row, place uint32) uint64 {
	if x.of == ofGroup {
		return rows[place].group
	}
	return rows[place].tag
}

// hash is where a key is looked for first, in its low bits, and what an entry of it has in its high bits. Whoever chooses keys in a row
// does not fill one corner.
func hash(key uint64) uint32 { return uint32(key * 0x9e3779b97f4a7c15 >> 32) }

// find reports false for a key that is not there.
func (x *index) find(rows []row, key uint64) (uint32, bool) {
	if len(x.at) == 0 {
		return 0, false
	}
	i, ok := x.entry(rows, key)
	return x.at[i]&x.low - 1, ok
}

// entry gives where the entry of a key is, or, for a key that is not there, where it would be. There are entries.
func (x *index) entry(rows []row, key uint64) (int, bool) {
	h, mask := hash(key), len(x.at)-1
	i := int(h) & mask
	for ; x.at[i] != 0; i = (i + 1) & mask {
		if e := x.at[i]; (e^h)&^x.low == 0 && x.key(rows, e&x.low-1) == key {
			return i, true
		}
	}
	return i, false
}

// put enters a place, or gives its key that place where the key has another one.
func (x *index) put(rows []row, place uint32) {
	full := 4*(x.used+1) > 3*len(x.at)
	if full || place >= x.low {
		x.widen(rows, full, place)
	}
	key := x.key(rows, place)
	i, ok := x.entry(rows, key)
	x.at[i] = hash(key)&^x.low | (place + 1)
	if !ok {
		x.used++
	}
}

// widen makes room, for more entries if the index is full, and for a place.
func (x *index) widen(rows []row, full bool, place uint32) {
	old, low := x.at, x.low
	size := len(old)
	if full {
		size = max(2*size, 64)
	}
	x.at = make([]uint32, size)
	x.low = uint32(1)<<max(bits.Len(uint(size-1)), bits.Len32(max(place+1, low))) - 1
	var some [ahead]struct{ place, hash uint32 }
	for len(old) > 0 {
		n := 0
		for len(old) > 0 && n < ahead {
			if o := old[0]; o != 0 {
				some[n].place, n = o&low-1, n+1
			}
			old = old[1:]
		}
		for i := range some[:n] {
			some[i].hash = hash(x.key(rows, some[i].place))
		}
		for i := range some[:n] {
			x.enter(some[i].hash, some[i].place)
		}
	}
}

// enter enters a place whose key is not there yet.
func (x *index) enter(hash, place uint32) {
	mask := len(x.at) - 1
	i := int(hash) & mask
	for x.at[i] != 0 {
		i = (i + 1) & mask
	}
	x.at[i] = hash&^x.low | (place + 1)
}

// drop takes a key out, and closes the gap: what follows and would no longer be found moves up.
func (x *index) drop(rows []row, key uint64) {
	if len(x.at) == 0 {
		return
	}
	at, ok := x.entry(rows, key)
	if !ok {
		return
	}
	mask := len(x.at) - 1
	for next := (at + 1) & mask; x.at[next] != 0; next = (next + 1) & mask {
		if home := int(hash(x.key(rows, x.at[next]&x.low-1))); (next-home)&mask >= (next-at)&mask {
			x.at[at] = x.at[next]
			at = next
		}
	}
	x.at[at] = 0
	x.used--
}

// near reads the first entry that a key may have, and gives something of it (see ahead).
func (x *index) near(key uint64) uint64 {
	if len(x.at) == 0 {
		return 0
	}
	return uint64(x.at[int(hash(key))&(len(x.at)-1)])
}

// nearest gives the place of which a key's entry most probably is, without reading rows; false if it is not there for certain.
func (x *index) nearest(key uint64) (uint32, bool) {
	if len(x.at) == 0 {
		return 0, false
	}
	h, mask := hash(key), len(x.at)-1
	for i := int(h) & mask; x.at[i] != 0; i = (i + 1) & mask {
		if e := x.at[i]; (e^h)&^x.low == 0 {
			return e&x.low - 1, true
		}
	}
	return 0, false
}
