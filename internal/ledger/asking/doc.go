// Package asking asks people at touchpoints and takes their answers: what package touchpoint says may be asked, in words of the person's
// language, and each answer as an event of its own, so that no yes is bundled with another.
//
// Whoever has not proven to be the person gets the visitor's answer, and leaves the same trace whether or not the ledger knows the address
// that they typed in: a pending grant, which says nothing until the mailbox's owner confirms it, links no identities and refuses nothing in
// the owner's name. It knows no HTTP; internal/ledger/api and the pages call it.
package asking
