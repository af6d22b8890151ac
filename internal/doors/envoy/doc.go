// Package envoy answers Envoy's external authorization (envoy.service.auth.v3, ext_authz) over gRPC: unary calls of HTTP/2 with prior
// knowledge, frames and messages read and written by hand.
//
// It decides nothing; internal/doors/local does, by the proxy of the sidecar. It links neither gRPC nor generated messages, which would take
// more memory in every pod than what is used of them; its tests outside of the module (test/doors) speak to it by both. Nor does it use
// net/http's server, which passes a call between five goroutines and writes its answer in three pieces: here whoever reads a connection
// answers what is whole and small at once, and everything that waits is bounded (see conn). What cannot be read is denied by an answer, and
// not by an error: Envoy may be told to let requests pass on errors.
package envoy
