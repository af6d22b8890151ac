// Package appends measures durable appends with proof, by so many writers at a time, against their own single writer, the same group
// commit without proof, plain rows of PostgreSQL, and the POSIX driver of tessera; and how soon and how fast something can be proven.
package appends
