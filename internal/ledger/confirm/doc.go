// Package confirm lets people prove that a mailbox is theirs: double opt-in, links to the person's page, and withdrawal with one click
// (RFC 8058).
//
// A grant that awaits confirmation brings a message into the outbox, in the same transaction (Service.Ask). Replicas share the outbox: a
// message is handed to one at a time, is never lost, and comes twice only if a process dies between sending and settling. What a message
// links to is a token (package token); looking at a link changes nothing, and every token that does not hold gets the same answer. Whether
// an address is known never shows.
//
// Addresses are read from the vault of the store and go to package smtp and nowhere else: into no log, metric, error or URL. It knows no
// HTTP; internal/ledger/pages calls it.
package confirm
