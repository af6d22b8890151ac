// Package corpus puts sidecars in front of the cases of test/corpus, for the tests of their doors, and says by which rules an answer of a door
// differs from what becomes of the request at the proxy.
package corpus
