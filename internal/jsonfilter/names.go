package jsonfilter

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// keyBytes is how much of a name its key holds.
const keyBytes = 16

// key is a name's length and its first bytes: two names of at most keyBytes are the same if and only if their keys are.
type key struct {
	low, high uint64
	n         int
}

func keyOf(name []byte) key {
	var first [keyBytes]byte
	copy(first[:], name)
	return key{low: binary.LittleEndian.Uint64(first[:]), high: binary.LittleEndian.Uint64(first[8:]), n: len(name)}
}

// slot spreads keys over tables of declared names, whose size the declaration bounds.
func (k key) slot() int {
	h := (k.low ^ bits.RotateLeft64(k.high, 23) ^ uint64(k.n)) * 0x9e3779b97f4a7c15
	return int(h >> 40)
}

// wideObject is how many names of an object are compared one by one.
const wideObject = 16

// seed makes it impossible to prepare names that collide.
var seed = maphash.MakeSeed()

// seen are the names of the objects that are open, the innermost last.
type seen struct {
	list []seenName
	// wide finds the names of objects that have many by a hash of the name and of the object.
	wide map[uint64]int32
	// kept holds names that cannot be read where they stood.
	kept []byte
}

type seenName struct {
	key key
	// at is where the name stands in the bytes that are read, or, as its complement, in kept.
	at int
	// earlier is the place of another name with the same hash, -1 for none.
	earlier int32
}

func (s *seen) bytes(src []byte, at, n int) []byte {
	if at < 0 {
		return s.kept[^at : ^at+n]
	}
	return src[at : at+n]
}

// add notes a name of the object whose names begin at base. It reports false if the object has it already.
func (s *seen) add(base int, src []byte, k key, at int) bool {
	object := s.list[base:]
	if len(object) < wideObject {
		for i := range object {
			if object[i].key == k && (k.n <= keyBytes || bytes.Equal(s.bytes(src, object[i].at, k.n), s.bytes(src, at, k.n))) {
				return false
			}
		}
		s.list = append(s.list, seenName{key: k, at: at, earlier: -1})
		return true
	}
	if s.wide == nil {
		s.wide = map[uint64]int32{}
	}
	if len(object) == wideObject {
		for i := base; i < len(s.list); i++ {
			s.link(base, src, i)
		}
	}
	s.list = append(s.list, seenName{key: k, at: at})
	return s.link(base, src, len(s.list)-1)
}

// link enters a name into the table of wide objects. The table is not cleaned when an object closes: what a stale entry names is compared
// like any other, and only if it is a name of this object.
func (s *seen) link(base int, src []byte, i int) bool {
	one := &s.list[i]
	name := s.bytes(src, one.at, one.key.n)
	h := maphash.Bytes(seed, name) + uint64(base)*0x9e3779b97f4a7c15
	one.earlier = -1
	if j, ok := s.wide[h]; ok && int(j) < i && int(j) >= base {
		one.earlier = j
		for ; j >= int32(base); j = s.list[j].earlier {
			if s.list[j].key == one.key && bytes.Equal(s.bytes(src, s.list[j].at, one.key.n), name) {
				return false
			}
		}
	}
	s.wide[h] = int32(i)
	return true
}

// close forgets the names from base on.
func (s *seen) close(base int) { s.list = s.list[:base] }

// reset forgets everything.
func (s *seen) reset() {
	s.list, s.kept = s.list[:0], s.kept[:0]
	if len(s.wide) > 0 {
		clear(s.wide)
	}
}
