package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// Lineage are the root keys that a ledger has had, the first one first. It prints redacted.
//
// A later key takes over the tags (see consent.Retagger). What names the log and proves it stays with the first one: checkpoints and receipts
// that somebody holds go on to be compared, and idempotency keys to be known.
type Lineage struct{ roots []Root }

// Single is the lineage of a ledger whose root key never changed.
func Single(r Root) Lineage { return Lineage{[]Root{r}} }

// String never shows a key.
func (Lineage) String() string { return "root keys:redacted" }

// GoString never shows a key.
func (l Lineage) GoString() string { return l.String() }

// Roots gives the lineage that the root keys at hand lead to. Kept is what the database has about later keys; next is a key that is to be
// introduced, or was, and may be nil. It fails with store.ErrKey where a key that is needed is missing.
func Roots(root Root, next *Root, controller string, kept []store.RootKey) (Lineage, error) {
	if len(kept) == 0 {
		l := Single(root)
		if next != nil {
			l.roots = append(l.roots, *next)
		}
		return l, nil
	}
	last := kept[len(kept)-1]
	for _, have := range []*Root{next, &root} {
		if have == nil {
			continue
		}
		id, err := have.id(controller)
		if err != nil {
			return Lineage{}, err
		}
		if id != last.ID {
			continue
		}
		l, err := have.open(controller, last)
		// A further key that is to be introduced.
		if err == nil && next != nil && have == &root && !l.has(*next) {
			l.roots = append(l.roots, *next)
		}
		return l, err
	}
	return Lineage{}, fmt.Errorf("%w; the newest one is that with the id %s", store.ErrKey, last.ID)
}

func (l Lineage) has(r Root) bool {
	for _, o := range l.roots {
		if o == r {
			return true
		}
	}
	return false
}

// First is the root key that the log began with.
func (l Lineage) First() Root { return l.roots[0] }

// Len is how many keys there are.
func (l Lineage) Len() int { return len(l.roots) }

// Key gives what a database has to keep when a key is introduced.
func (l Lineage) Key(number int, controller string) (*store.RootKey, error) {
	if number < 2 || number > len(l.roots) || number > consent.MaxKeys {
		return nil, errors.New("there is no next root key; create one with `optup-ledger keygen`, and give it to every replica as --next-root-key")
	}
	r := l.roots[number-1]
	id, err := r.id(controller)
	if err != nil {
		return nil, err
	}
	aead, err := r.sealer(controller)
	if err != nil {
		return nil, err
	}
	var older []byte
	for _, o := range l.roots[:number-1] {
		older = append(older, o.key[:]...)
	}
	return &store.RootKey{Number: number, ID: id, Sealed: aead.Seal(nil, nil, older, place(number, id))}, nil
}

func (r Root) open(controller string, kept store.RootKey) (Lineage, error) {
	aead, err := r.sealer(controller)
	if err != nil {
		return Lineage{}, err
	}
	older, err := aead.Open(nil, nil, kept.Sealed, place(kept.Number, kept.ID))
	if err != nil || len(older) != (kept.Number-1)*RootSize {
		return Lineage{}, fmt.Errorf("%w; what the database keeps about the older ones cannot be opened", store.ErrKey)
	}
	var l Lineage
	for ; len(older) > 0; older = older[RootSize:] {
		l.roots = append(l.roots, Root{key: [RootSize]byte(older)})
	}
	l.roots = append(l.roots, r)
	return l, nil
}

func place(number int, id string) []byte {
	return []byte("root keys before " + strconv.Itoa(number) + "\x00" + id)
}

func (r Root) sealer(controller string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, r.key[:], nil, "optup ledger v1 older root keys\x00"+controller, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// id names a root key of a controller.
func (r Root) id(controller string) (string, error) {
	s, err := r.Stream(controller)
	if err != nil {
		return "", err
	}
	return s.id, nil
}

// Stream gives the stream keys of a controller.
func (l Lineage) Stream(controller string) (*Stream, error) {
	s, err := l.roots[0].Stream(controller)
	if err != nil {
		return nil, err
	}
	for _, r := range l.roots[1:] {
		other, err := r.Stream(controller)
		if err != nil {
			return nil, err
		}
		s.later = append(s.later, other.link)
		s.ids = append(s.ids, other.id)
	}
	return s, nil
}

// All are the keys of one controller.
type All struct {
	Lineage Lineage
	Stream  *Stream
	Secrets *Secrets
	Signer  *Signer
}

// Derive gives the keys that root keys lead to (see Roots).
func Derive(root Root, next *Root, controller string, kept []store.RootKey) (All, error) {
	l, err := Roots(root, next, controller, kept)
	if err != nil {
		return All{}, err
	}
	out := All{Lineage: l}
	if out.Stream, err = l.Stream(controller); err != nil {
		return All{}, err
	}
	if out.Secrets, err = l.First().Secrets(controller); err != nil {
		return All{}, err
	}
	out.Signer, err = l.First().Signer(controller)
	return out, err
}
