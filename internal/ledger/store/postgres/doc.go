// Package postgres keeps a ledger in PostgreSQL, for any number of processes at a time.
//
// Whoever appends holds the one row of the head until the end of its transaction, so positions follow the order of commits in all
// processes. Each of them learns what the others appended by reading on from the position it has, woken by a notification that it does
// not rely on. It uses nothing that a database compatible with PostgreSQL may lack: no advisory locks, no sequences. It promises what
// package store says and knows nothing beyond it.
package postgres
