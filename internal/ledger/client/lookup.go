package client

import (
	"errors"
	"slices"

	"github.com/optup/optup/internal/consent"
)

// Errors of Lookup. All of them mean that nothing is known; what needs no record may still go on.
var (
	// ErrNotReady reports that the ledger has not been reached since the start, so that there is no key.
	ErrNotReady = errors.New("the ledger has not been reached yet")
	// ErrPurpose reports a purpose that the ledger does not tell this sidecar about.
	ErrPurpose = errors.New("the grant does not name this purpose")
	// ErrAmbiguous reports forms of one identifier that name different people.
	ErrAmbiguous = errors.New("the identifier names more than one person")
)

// Lookup gives what is known about a person for a purpose. Known is false, with the zero Fact, for a person without a record.
// It fails with consent.ErrIdentifier, ErrAmbiguous, ErrNotReady or ErrPurpose. The fact is shared and must not be changed.
//
// Somebody may be known by a hash of the identifier only, as when an ad network passed on an objection. So where the plain form
// is unknown, the forms that follow from it are tried.
func (f *Feed) Lookup(i consent.Identifier, purpose consent.PurposeID) (fact consent.Fact, known bool, err error) {
	v := f.view.Load()
	if v == nil {
		return consent.Fact{}, false, ErrNotReady
	}
	if !slices.Contains(v.purposes, purpose) {
		return consent.Fact{}, false, ErrPurpose
	}
	i, err = consent.Normalize(i)
	if err != nil {
		return consent.Fact{}, false, err
	}
	tagger := v.taggers.Get().(*consent.Tagger)
	defer v.taggers.Put(tagger)
	find := func(i consent.Identifier) (consent.Fact, bool, error) {
		tag, err := tagger.Tag(i)
		if err != nil {
			return consent.Fact{}, false, err
		}
		fact, ok := v.table.Lookup(tag, purpose)
		return fact, ok, nil
	}
	if fact, known, err = find(i); err != nil || known {
		return fact, known, err
	}
	for _, other := range consent.Derived(i) {
		more, ok, err := find(other)
		switch {
		case err != nil:
			return consent.Fact{}, false, err
		case !ok:
		case known && more.Position != fact.Position:
			return consent.Fact{}, false, ErrAmbiguous
		default:
			fact, known = more, true
		}
	}
	return fact, known, nil
}
