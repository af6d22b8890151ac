// Package seal encrypts what a ledger keeps readable about a person: each identity has a random key of its own, and that key is stored
// only wrapped. Without the stored key nothing that it sealed can be read again, whoever holds the root key and every copy of the
// database: that is how a ledger erases.
//
// It knows no database. The wrapping key comes from internal/ledger/keys, and the databases of internal/ledger/store keep what is sealed.
package seal
