// Package stream tells subscribers what a ledger knows: first a snapshot, then every change, without a gap between the two.
//
// People come from internal/ledger/store and are projected with consent.Project to the purposes that the subscriber's grant
// names; nothing else leaves. Subscribers are internal/ledger/client in sidecars. The package knows tags, never identifiers in
// the clear, and no policy.
//
// A subscriber is registered before its snapshot is read. What is committed meanwhile waits in its queue, and of that everything
// up to the snapshot's position is dropped. Snapshots are read into memory before they are written, so that a slow subscriber
// never holds the database; one that does not keep up is cut and starts again.
package stream
