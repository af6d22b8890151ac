// Package decode reads the content codings that a service used although it was asked for none, within limits on what comes out.
//
// It must not know what a body is about. Bodies come from internal/proxy and go back there, decoded.
package decode
