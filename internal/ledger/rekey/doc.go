// Package rekey changes the key that tags are made with, while the ledger serves.
//
// A next root key is introduced: from then on whatever is appended has tags under both keys, and this package gives everybody else their second
// tags, by events that say nothing about people. When nobody is left, people are looked up by the new tags, and sidecars are told; a while
// later, when no question of before can be under way any more, nothing is given tags under the old key.
package rekey
