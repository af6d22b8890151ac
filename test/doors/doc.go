// Package doors asks a sidecar's doors as others do: Envoy's external authorization by gRPC and by the messages that Envoy's authors publish,
// which the sidecar links neither of. It is a module of its own, so that nothing of them comes into the product's.
package doors
