// Package touchpoint says what a person may be asked next, and where: the smallest useful widening, or why there is none.
//
// It is pure: a ledger's bundle, a touchpoint of it, a person's effective record and the ledger's time come in, a question or reasons come
// out. What somebody has agreed to is decided by package decide, so that nobody is asked for what a decision would permit, and nobody is
// left unasked for what it would not. When asking is lawful at all is data, with its statutes (asking.json). The package knows nothing of
// HTTP, of stores, or of who calls; whether the caller may learn about the person is the API's to decide.
package touchpoint
