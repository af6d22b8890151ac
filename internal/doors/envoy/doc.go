// Package envoy answers Envoy's external authorization (envoy.service.auth.v3, ext_authz) over gRPC: unary calls within net/http's HTTP/2,
// messages read and written field by field.
//
// It decides nothing; internal/doors/local does, by the proxy of the sidecar. It links neither gRPC nor generated messages, which would take
// more memory in every pod than what is used of them; its tests outside of the module (test/doors) speak to it by both. What cannot be read is
// denied by an answer, and not by an error: Envoy may be told to let requests pass on errors.
package envoy
