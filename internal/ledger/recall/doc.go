// Package recall remembers what was made of people's records, for as long as it is known to be right.
//
// A Memory sees every change of a store before its writer is told of it, and forgets whom it names. What is left is right as of the newest
// position seen. Whoever asks reads the head first, after the question came: where it is no further than what was seen, nobody has been told of a
// write that the memory does not know, whichever replica took it. Otherwise, and where the log went back or became another one, there is no
// answer from memory.
//
// It knows nothing of what it keeps.
package recall
