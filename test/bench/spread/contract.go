package spread

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// event is one about a person, by number.
func (l *ledger) event(n int, e consent.Event) store.Append {
	return store.Append{Identities: []store.Identity{{Tags: l.person(n), Type: consent.IdentifierEmail, Plain: true}}, Event: e}
}
