// Package arbitrary makes policy snapshots, requests and facts out of bytes, for property tests and fuzzing: every string of bytes gives
// something, and the same string the same.
//
// Tests of compiler and decision function import it, and nothing else does. It knows the vocabulary of policies, and not what is right.
package arbitrary
