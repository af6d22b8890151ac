// Package smtp hands messages to a mail server: with TLS that is verified, within a time limit, one connection for each message.
//
// What a mail server answers often repeats the address, so errors tell numbers and never texts. Messages come from internal/ledger/confirm.
package smtp
