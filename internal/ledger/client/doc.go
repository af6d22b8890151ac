// Package client keeps, in a sidecar, what a ledger knows about people, and knows how old that is.
//
// Frames come from internal/ledger/stream and fill an internal/facts table; the sidecar looks people up in it and asks for the
// moment (decide.Now) that its decisions rest on. Facts are as fresh as the sending of the last ping whose answer named a
// position that has been applied since. Age is measured on a clock that counts suspend, the wall clock is nowhere in it.
//
// While the stream is away the table stays and the age grows; the next one goes on from there if the ledger can show that its log is
// the one whose checkpoint the client holds. A ledger that cannot has forgotten something, and nothing rests on the table any more,
// until the log is another one by name: an operator has adopted it. Whatever makes the table doubtful (a gap, another log, a frame
// that cannot be understood) ends freshness at once, until a whole snapshot has been read again. The package knows no database
// and no policy.
package client
