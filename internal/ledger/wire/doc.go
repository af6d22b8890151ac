// Package wire is what a ledger and its subscribers say to each other: the frames of the consent stream, and ping.
//
// A stream is a sequence of frames: four bytes with the length of the payload (big endian), one byte with the type, and the
// payload. That is JSON, but for the two types that make up a snapshot: people stand alike, so the different combinations of facts are
// sent once, and each person as its tags and the number of a combination. The stream grows by addition: members that a reader does
// not know are ignored, and so are frames of unknown types below Critical. An unknown type from Critical on means that the reader no
// longer knows what the ledger says, so it must not rely on it. What cannot be an addition is another version; both sides speak their own
// and the one before.
//
// Frames are written by internal/ledger/stream and read by internal/ledger/client. The package knows no network and no store.
package wire
