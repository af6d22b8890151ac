// Package attack makes requests that try to get around a sidecar: the known shapes by name, and any number of mixtures of them.
//
// A request is built from the grammar of HTTP, changed by mutators that know what they change, and written byte for byte, or as frames of
// HTTP/2. Everything follows from a seed and a number, so that each attack can be made again. The package opens no connection.
package attack
