// Package uses records what a sidecar decided about people's data, and delivers the records to the ledger of each controller.
//
// Internal/proxy fills a Use while it answers a request and ends it; that costs no allocation and never waits. One goroutine
// (Recorder.Run) turns what has ended into batches, puts each into a bounded spool - a folder, or memory where there is none - and sends
// the oldest first until the ledger acknowledges it. A batch that is sent twice counts once, by its ID.
//
// What does not fit is lost and counted: the count is a metric, and goes to the ledger with the next batch, so that a gap in the proof is
// itself on record. Requests are never held back for it. The package sees tags, never identifiers; nothing of a record is logged. How a
// batch reaches a ledger is the caller's to say (Sender).
package uses
