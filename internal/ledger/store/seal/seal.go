package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
)

// ErrSealed reports something that cannot be opened: it was changed, put in another place, or sealed with another key.
var ErrSealed = errors.New("what is sealed cannot be opened; restore the keys that belong to this database")

const keySize = 32

// KeyID names a key of an identity without telling it.
type KeyID [16]byte

// Ring wraps the keys of identities with one key of the ledger. It is safe for concurrent use, and prints redacted.
type Ring struct {
	aead   cipher.AEAD
	ledger string
}

// NewRing takes the wrapping key, and the id of the ledger's key, which everything is bound to.
func NewRing(wrapping []byte, ledger string) (*Ring, error) {
	if len(wrapping) != keySize {
		return nil, errors.New("the wrapping key has another length than 32 bytes")
	}
	aead, err := newAEAD(wrapping)
	if err != nil {
		return nil, err
	}
	return &Ring{aead: aead, ledger: ledger}, nil
}

// newAEAD is AES-256-GCM that puts a random nonce before what it seals.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// String never shows the key.
func (*Ring) String() string { return "wrapping key:redacted" }

// GoString never shows the key.
func (r *Ring) GoString() string { return r.String() }

// Key is the key of one identity. It is safe for concurrent use, and prints redacted.
type Key struct {
	ID     KeyID
	aead   cipher.AEAD
	ledger string
}

// String never shows the key.
func (*Key) String() string { return "key of a person:redacted" }

// GoString never shows the key.
func (k *Key) GoString() string { return k.String() }

// New makes a random key, and gives it wrapped as well. Only that is ever stored.
func (r *Ring) New() (*Key, []byte, error) {
	var id KeyID
	var raw [keySize]byte
	_, _ = rand.Read(id[:]) // never fails; the program ends instead
	_, _ = rand.Read(raw[:])
	k, err := r.key(id, raw[:])
	if err != nil {
		return nil, nil, err
	}
	return k, r.aead.Seal(nil, nil, raw[:], r.bound(id)), nil
}

// Unwrap opens a stored key.
func (r *Ring) Unwrap(id KeyID, wrapped []byte) (*Key, error) {
	raw, err := r.aead.Open(nil, nil, wrapped, r.bound(id))
	if err != nil || len(raw) != keySize {
		return nil, ErrSealed
	}
	return r.key(id, raw)
}

func (r *Ring) key(id KeyID, raw []byte) (*Key, error) {
	aead, err := newAEAD(raw)
	if err != nil {
		return nil, err
	}
	return &Key{ID: id, aead: aead, ledger: r.ledger}, nil
}

func (r *Ring) bound(id KeyID) []byte { return append(fields("key", r.ledger), id[:]...) }

// Place is where something sealed belongs; elsewhere it cannot be opened.
type Place struct {
	// Identity is the number of the identity in the database.
	Identity int64
	Kind     string
	ID       [16]byte
}

// Seal encrypts a body for its place.
func (k *Key) Seal(at Place, body []byte) []byte { return k.aead.Seal(nil, nil, body, k.bound(at)) }

// Open decrypts what was sealed for that place. It fails with ErrSealed.
func (k *Key) Open(at Place, sealed []byte) ([]byte, error) {
	body, err := k.aead.Open(nil, nil, sealed, k.bound(at))
	if err != nil {
		return nil, ErrSealed
	}
	return body, nil
}

func (k *Key) bound(at Place) []byte {
	b := append(fields("attachment", k.ledger, at.Kind), k.ID[:]...)
	return append(binary.BigEndian.AppendUint64(b, uint64(at.Identity)), at.ID[:]...)
}

// fields writes words with their lengths, so that they never run together.
func fields(words ...string) []byte {
	var b []byte
	for _, w := range words {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(w))), w...)
	}
	return b
}
