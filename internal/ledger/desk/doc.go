// Package desk is what a person sees of a ledger and does there: it implements what the pages show and do (internal/ledger/pages) over the
// store, the wordings in force, the links that were mailed (internal/ledger/confirm) and the touchpoints (internal/ledger/touchpoint).
//
// Whoever has a session has shown that a mailbox is theirs, so their acts are acts of the person with a confirmed mailbox behind them. What
// permits is appended only if it is offered at that moment and the page it was read from was up to date; what restricts is always taken.
// What somebody agreed to, and whether it counts, is decided by package decide alone.
package desk
