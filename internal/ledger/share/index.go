package share

// index finds a place by the key that stands there. It holds no pointers and no keys: those are a column of the table. Places are
// counted from 0, and every key is in the index once.
type index struct {
	at   []uint32 // a power of two; 0 for free, else the place and 1
	used int
}

func (x *index) home(key uint64) int {
	key *= 0x9e3779b97f4a7c15 // whoever chooses keys in a row does not fill one corner
	return int(key >> 32 & uint64(len(x.at)-1))
}

// find reports false for a key that is not there.
func (x *index) find(keys []uint64, key uint64) (uint32, bool) {
	if i, ok := x.entry(keys, key); ok {
		return x.at[i] - 1, true
	}
	return 0, false
}

func (x *index) entry(keys []uint64, key uint64) (int, bool) {
	if len(x.at) == 0 {
		return 0, false
	}
	for i := x.home(key); x.at[i] != 0; i = (i + 1) & (len(x.at) - 1) {
		if keys[x.at[i]-1] == key {
			return i, true
		}
	}
	return 0, false
}

// put enters a place, or gives its key that place where the key has another one.
func (x *index) put(keys []uint64, place uint32) {
	if i, ok := x.entry(keys, keys[place]); ok {
		x.at[i] = place + 1
		return
	}
	if 4*(x.used+1) > 3*len(x.at) {
		old := x.at
		x.at, x.used = make([]uint32, max(2*len(old), 64)), 0
		for _, o := range old {
			if o != 0 {
				x.enter(keys, o)
			}
		}
	}
	x.enter(keys, place+1)
}

func (x *index) enter(keys []uint64, entry uint32) {
	i := x.home(keys[entry-1])
	for x.at[i] != 0 {
		i = (i + 1) & (len(x.at) - 1)
	}
	x.at[i] = entry
	x.used++
}

// drop takes a key out, and closes the gap: what follows and would no longer be found moves up.
func (x *index) drop(keys []uint64, key uint64) {
	at, ok := x.entry(keys, key)
	if !ok {
		return
	}
	mask := len(x.at) - 1
	for next := (at + 1) & mask; x.at[next] != 0; next = (next + 1) & mask {
		if home := x.home(keys[x.at[next]-1]); (next-home)&mask >= (next-at)&mask {
			x.at[at] = x.at[next]
			at = next
		}
	}
	x.at[at] = 0
	x.used--
}
