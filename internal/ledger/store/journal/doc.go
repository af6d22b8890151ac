// Package journal appends to a ledger, whatever database keeps it: both stores share it, so that they cannot disagree.
//
// One goroutine appends. Whoever waits while it commits is in the next commit (group commit), so that one sync to the disk
// acknowledges many. A batch is loaded in a few statements, decided in memory, and written in a few statements: who is meant, whether
// consent.Links admits it, what it comes to, and its leaf in the Merkle log. The log's frontier is in the head row, so that what is
// acknowledged can be proven at once.
//
// It knows nothing of SQL; a Database says how rows are read and written.
package journal
