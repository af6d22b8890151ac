package client

import (
	"errors"

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

// Lookup gives what is known about a person for a purpose, reduced (see decide.Reduce). Known is false, with the zero Fact, for a person
// without a record. It fails with consent.ErrIdentifier, ErrAmbiguous, ErrNotReady or ErrPurpose. The fact is shared and must not be
// changed.
//
// Whoever looks up many, or wants it fast, asks for a View.
func (f *Feed) Lookup(i consent.Identifier, purpose consent.PurposeID) (fact consent.Fact, known bool, err error) {
	v := f.View()
	if v == nil {
		return consent.Fact{}, false, ErrNotReady
	}
	if !v.Tells(purpose) {
		return consent.Fact{}, false, ErrPurpose
	}
	_, all, err := v.Find(Asked{Type: i.Type, Form: i.Form, Value: []byte(i.Value)})
	if err != nil {
		return consent.Fact{}, false, err
	}
	fact, known = all.Fact(purpose)
	return fact, known, nil
}
