// Package sqlite keeps a ledger in one SQLite database in WAL mode with synchronous=FULL, for one process at a time.
//
// One goroutine appends. Whoever waits while it commits is in the next commit (group commit), so that one sync to the disk
// acknowledges many. It promises what package store says and knows nothing beyond it.
package sqlite
