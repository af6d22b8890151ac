// Package token makes the tokens that stand in links: what a link is for, whom it is about and until when it holds, encrypted with a key
// that only the ledger has. A ledger keeps no list of them, so any replica can open what another one made.
//
// Whoever holds a token holds what it is for, so it is opaque, never logged, and opened only for the kind that the link was made for. That
// some may be used once only is for the store to know (store.Vault).
package token
