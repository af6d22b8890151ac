package consent

import (
	"crypto/fips140"
	"crypto/sha256"
	"encoding/binary"
)

const (
	// blockSize is how much SHA-256 takes at a time, and shortest is what of it padding needs.
	blockSize, shortest = sha256.BlockSize, 9
)

// keyed is HMAC-SHA256 with one key for two short messages at once. A tag is two blocks of SHA-256, each step of which waits for the one
// before: two of them take about as long as one. crypto/hmac does the same for all other messages, and where the processor has no
// instructions for it.
type keyed struct {
	// inner and outer are the states behind the key.
	inner, outer [8]uint32
	blocks       [2][blockSize]byte
	states       [2][8]uint32
}

// newKeyed gives nil where it cannot be had, or must not.
func newKeyed(key []byte) *keyed {
	if !pairs || fips140.Enabled() {
		return nil
	}
	if len(key) > blockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	k := &keyed{states: [2][8]uint32{initial, initial}}
	for i := range blockSize {
		var b byte
		if i < len(key) {
			b = key[i]
		}
		k.blocks[0][i], k.blocks[1][i] = b^0x36, b^0x5c
	}
	compress(&k.states, &k.blocks, nil)
	k.inner, k.outer = k.states[0], k.states[1]
	clear(k.blocks[:])
	return k
}

// initial is the state before any block (FIPS 180-4, section 5.3.3).
var initial = [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}

// take takes a message as the first or the second of a pair, if it is short.
func (k *keyed) take(n int, message []byte) bool {
	if len(message) > blockSize-shortest {
		return false
	}
	b := &k.blocks[n]
	clear(b[copy(b[:], message):])
	b[len(message)] = 0x80
	binary.BigEndian.PutUint64(b[blockSize-8:], uint64(blockSize+len(message))*8)
	return true
}

// plainMail is what stands before an address in plain (see Tagger.begin).
const plainMail = string(IdentifierEmail) + "\x00" + string(FormPlain) + "\x00"

// takeAddress takes an address in plain as take would take its message, if it is short and has no white space around it. What it does not
// take may be an address all the same.
func (k *keyed) takeAddress(n int, value []byte) bool {
	if len(value) == 0 || len(value) > blockSize-shortest-len(plainMail) {
		return false
	}
	b := &k.blocks[n]
	*b = [blockSize]byte{}
	copy(b[len(plainMail):], value)
	invalid, ats, dots := lower(b)
	invalid, ats, dots = invalid>>len(plainMail), ats>>len(plainMail), dots>>len(plainMail)
	last := uint64(1) << (len(value) - 1)
	// As isEmail has it: one at sign, neither first nor last, with no full stop behind it, nor one at the end.
	if invalid&(last<<1-1) != 0 || ats == 0 || ats&(ats-1) != 0 || ats&1 != 0 || (ats|dots)&last != 0 || ats<<1&dots != 0 {
		return false
	}
	copy(b[:], plainMail)
	b[len(plainMail)+len(value)] = 0x80
	binary.BigEndian.PutUint64(b[blockSize-8:], uint64(blockSize+len(plainMail)+len(value))*8)
	return true
}

// tags gives the tags of the messages that were taken.
func (k *keyed) tags(to *[2]Tag) {
	k.states[0], k.states[1] = k.inner, k.inner
	compress(&k.states, &k.blocks, &k.outer)
	to[0], to[1] = Tag(k.blocks[0][:len(to[0])]), Tag(k.blocks[1][:len(to[1])])
}
