package facts

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"github.com/optup/optup/internal/consent"
)

const (
	// slots is how many identifiers a line holds, lineSize its size in bytes: what a processor fetches at once.
	slots    = 5
	lineSize = 64
	// moreBits is how many bits of a tag are compared besides its key.
	moreBits = 6
	allMore  = 1<<moreBits - 1
)

// line holds identifiers. A slot is in use while its state is not 0; the key of one that is not says nothing.
type line struct {
	keys   [slots]atomic.Uint64
	states [slots]atomic.Uint32
	// more holds more bits of the tag of each slot.
	more atomic.Uint32
}

// place says where a tag belongs: 79 of its 128 bits. Key and more are compared, the key gives the lines as well.
type place struct {
	key   uint64
	shard uint32
	more  uint32
}

func placeOf(tag *consent.Tag) place {
	key, rest := binary.LittleEndian.Uint64(tag[:8]), binary.LittleEndian.Uint64(tag[8:])
	if key == 0 {
		key = 1 // that of a slot never used
	}
	return place{key: key, shard: uint32(rest % shardsOf), more: uint32(rest >> (64 - moreBits))}
}

// shard is a part of a table. Its lines never move: a shard that grows is another one.
//
// Each tag has two lines, and is in one of the slots of one of them. That gives room for more than nine identifiers in ten slots, and
// both lines are on their way at the same time; nothing else is ever looked at.
//
// Readers take no lock. Three rules make that sound. What is known about a tag changes by one store of its state. A slot's key changes
// only while its state is 0, and the version between the store of the key and that of the state: a reader that found the key of before
// and the state of after sees that the version is another one. And a tag that moves to its other line is there, and the version
// is another one, before it leaves the slot where it was.
type shard struct {
	lines   []line
	version atomic.Uint32
}

// golden makes another key of a key.
const golden = 0x9e3779b97f4a7c15

// homes gives the two lines of a key. They may be the same.
func (s *shard) homes(key uint64) (first, second uint64) {
	n := uint64(len(s.lines))
	first, _ = bits.Mul64(key, n)
	second, _ = bits.Mul64(key*golden, n)
	return first, second
}

// tells tells whether more bits agree with those of a slot.
func (l *line) tells(slot uint64, more uint32) bool {
	return l.more.Load()>>(moreBits*slot%32)&allMore == more
}

// match tells in which slot of a line a key is; slots if it is in none.
//
// It has no branches: in which slot a key is nobody could foresee, and a processor that guesses wrong waits for the line before it goes
// on to the next look-up. It is a function of its own because the compiler would not do without branches next to what uses the result.
//
//go:noinline
func (l *line) match(key uint64) uint64 {
	k0, k1, k2, k3, k4 := l.keys[0].Load(), l.keys[1].Load(), l.keys[2].Load(), l.keys[3].Load(), l.keys[4].Load()
	at := uint64(slots)
	if k0 == key {
		at = 0
	}
	if k1 == key {
		at = 1
	}
	if k2 == key {
		at = 2
	}
	if k3 == key {
		at = 3
	}
	if k4 == key {
		at = 4
	}
	return at
}

// find gives the state of a tag, 0 if there is none.
func (s *shard) find(p place) uint32 {
	if len(s.lines) == 0 {
		return 0
	}
	version := s.version.Load()
	first, second := s.homes(p.key)
	l, other := &s.lines[first], &s.lines[second]
	_ = other.more.Load() // both are on their way at the same time
	if at := l.match(p.key); at < slots {
		if state := l.states[at].Load(); state != 0 && l.tells(at, p.more) && s.version.Load() == version {
			return state
		}
		return s.search(p)
	}
	l = other
	if at := l.match(p.key); at < slots {
		if state := l.states[at].Load(); state != 0 && l.tells(at, p.more) && s.version.Load() == version {
			return state
		}
		return s.search(p)
	}
	if s.version.Load() == version {
		return 0
	}
	return s.search(p)
}

// search is find for what is not so simple: slots that were left, keys of which more bits differ, and changes meanwhile.
func (s *shard) search(p place) uint32 {
	for {
		version := s.version.Load()
		first, second := s.homes(p.key)
		state := s.lines[first].search(p)
		if state == 0 {
			state = s.lines[second].search(p)
		}
		if s.version.Load() == version {
			return state
		}
	}
}

func (l *line) search(p place) uint32 {
	for i := range l.keys {
		if l.keys[i].Load() == p.key && l.tells(uint64(i), p.more) {
			if state := l.states[i].Load(); state != 0 {
				return state
			}
		}
	}
	return 0
}
