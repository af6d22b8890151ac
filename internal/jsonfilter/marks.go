package jsonfilter

import (
	"encoding/binary"
	"math/bits"
)

// block is how many bytes are marked at once: marks are made for whole blocks.
const block = 32

// marks has a bit for each byte of a buffer: that of a byte which ends the plain part of a string is set (see special). Bits are in the
// order of the bytes, the lowest of a byte first. A bit that is set for another byte costs time and changes nothing.
//
// To find the end of a string in them takes a few steps whatever its length, without a guess of how many, and marking costs little where
// the processor compares many bytes at once.
type marks []byte

// fit makes room for the marks of a buffer, and for reading a word of them anywhere.
func (m *marks) fit(buffer int) {
	if n := (buffer+block-1)/block*block/8 + 8; n > len(*m) {
		*m = make(marks, n)
	}
}

// set marks the bytes from a place up to and including another one. The buffer has a block more.
func (m marks) set(b []byte, from, to int) {
	first := from / block
	mark(m[first*block/8:], b[first*block:], to/block-first+1)
}

// next gives the place of the first marked byte from a place on; there has to be one.
func (m marks) next(i int) int {
	w := binary.LittleEndian.Uint64(m[i>>3:]) >> (i & 7)
	if w != 0 {
		return i + bits.TrailingZeros64(w)
	}
	return m.far(i)
}

// far is next where the next marked byte is not near.
func (m marks) far(i int) int {
	for i = i&^7 + 64; ; i += 64 {
		if w := binary.LittleEndian.Uint64(m[i>>3:]); w != 0 {
			return i + bits.TrailingZeros64(w)
		}
	}
}

// markWords marks words of 8 bytes.
func markWords(marks, b []byte, blocks int) {
	b = b[:block*blocks]
	marks = marks[:len(b)/8]
	for i := range marks {
		// One multiplication brings the highest bits of all bytes together.
		marks[i] = byte(special(binary.LittleEndian.Uint64(b[8*i:])) >> 7 * 0x0102040810204080 >> 56)
	}
}
