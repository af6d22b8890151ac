package store

import (
	"context"
	"errors"

	"github.com/optup/optup/internal/consent"
)

// Scheme says under which keys the tags of a log are made. Keys are counted from 1, the first root key of the ledger.
type Scheme struct {
	// Current is the key whose tags people are looked up by, and that sidecars are given.
	Current int `json:"current"`
	// Other is the key under which people have tags besides: the next one while it is being introduced, then the one before until nobody can
	// have a question under way that rests on it. Current for none.
	Other int `json:"other"`
}

// First is the scheme of a log whose root key never changed.
var First = Scheme{1, 1}

// Newest is the newest key that is in use.
func (s Scheme) Newest() int { return max(s.Current, s.Other) }

// Next is the scheme that comes after: a next key is introduced, then it is the current one, then the only one.
func (s Scheme) Next() Scheme {
	switch {
	case s.Current == s.Other:
		return Scheme{s.Current, s.Current + 1}
	case s.Current < s.Other:
		return Scheme{s.Other, s.Current}
	default:
		return Scheme{s.Current, s.Current}
	}
}

// step counts schemes in the order in which they come.
func (s Scheme) step() int {
	switch {
	case s.Current == s.Other:
		return 3 * s.Current
	case s.Current < s.Other:
		return 3*s.Current + 1
	default:
		return 3*s.Other + 2
	}
}

// After tells whether a scheme comes later than another, directly or not.
func (s Scheme) After(o Scheme) bool { return s.step() > o.step() }

// RootKey is what a log keeps about a root key that came later than the first one.
type RootKey struct {
	// Number counts from 2, and ID names the key.
	Number int    `json:"number"`
	ID     string `json:"id"`
	// Sealed are all root keys before, sealed with this one: whoever has it needs no other.
	Sealed []byte `json:"sealed"`
}

// ErrScheme reports a step in the change of keys that does not follow from where it is.
var ErrScheme = errors.New("the change of keys is at another step; look at it again")

// Rotations change the key of tags.
type Rotations interface {
	// RootKeys gives what is kept about later root keys, in their order.
	RootKeys(ctx context.Context) ([]RootKey, error)
	// Rotate goes on to the next scheme, from the one that the caller knows, or fails with ErrScheme. With a step to a key that is new, what is
	// kept about it is given. No append is under way meanwhile, and every later one sees the new scheme.
	Rotate(ctx context.Context, from, to Scheme, key *RootKey) error
}

// Completer gives an identity the tags that a scheme asks for and that it lacks, because they were made under an earlier one. It fails with
// ErrKey if the process does not have the key.
type Completer func(id *Identity, to Scheme) error

// Pairs gives the number of tags of an identity that has them under two keys: each of the first of them has its twin as far behind.
func (i *Identity) Pairs() int {
	if !i.Twice || len(i.Tags)%2 != 0 {
		return 0
	}
	return len(i.Tags) / 2
}

// Stable gives the tags that stand for an identifier whatever keys are in use, where they are known.
func (i *Identity) Stable() []consent.Tag {
	if i.First != nil {
		return i.First
	}
	return i.Tags
}
