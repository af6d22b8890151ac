package scenario

import "github.com/optup/optup/internal/consent"

// FactOf lets tests look somebody up.
func FactOf(c Case, i consent.Identifier, purpose consent.PurposeID) consent.Fact {
	return c.fact(i, purpose)
}
