// Package stream tells subscribers what a ledger knows: first a snapshot, then every change, without a gap between the two.
//
// People come from internal/ledger/store and are projected with consent.Project to the purposes that the subscriber's grant
// names; nothing else leaves. Subscribers are internal/ledger/client in sidecars. The package knows tags, never identifiers in
// the clear, and no policy.
//
// Everybody who wants to know the same, in the same version, is a scope. The hub encodes each change once for a scope, into a ring of
// bytes, and a subscriber holds no more than its place in it: one that falls behind by more than the ring is cut. Whoever connects
// again goes on from its place if it can show that it is of this log (see wire.Held), and reads a snapshot otherwise. Snapshots are
// read into memory before they are written, so that a slow subscriber never holds the database, and are shared by those who come
// together.
//
// A change goes to everybody at once, so what one write costs counts. Where the connection allows it (see Listener), streams are written by a few
// goroutines, the lanes, each of which serves many of them in turn and waits for none: what a connection does not take at once is kept, and
// written by a goroutine of its own until the stream has caught up.
//
// Subscribers show the newest checkpoint that they were sent. One that this ledger signed and that is not of its log proves that
// the log has forgotten something, and ends all streams until an operator adopts it.
package stream
