// Package archtest fails when an import breaks the layers of the repository, and when a source file breaks its house rules.
//
// The rules are data: layers.go says which package stands where and what it must not reach; check.go reads the import graph that
// `go list` prints and says in plain English what is wrong; sources.go looks at the files themselves. `make verify` and `make test`
// both run it. A new package is entered in layers.go, in the lowest layer that it fits.
package archtest
