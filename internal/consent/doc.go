// Package consent is the domain of the consent ledger: events, the fold of a person's events to a Record, and Project, which
// turns a Record into the Fact that a decision rests on.
//
// It is pure: events and times come in as values, facts go out as values. It knows no store, no network, no clock and no
// policy; what a purpose or a notice means is decided elsewhere (package decide), from the compiled bundle.
//
// Events come from internal/ledger, which appends them; facts go to internal/facts (in the sidecar) and internal/decide.
package consent
