// Package callback tells whether a call really comes from the service that it claims to come from: it verifies the signature of the body
// as it came, and how old the signed time is.
//
// Signatures are declared in bundles (ir.Signature); calls come from internal/proxy, which gives headers, body and the secret as values.
// The package knows no network, no clock and no consent. Its errors say what is wrong with a call, never what was in it.
package callback
