// Package insert puts a service's credential into requests that were decided about, and keeps it out of their answers.
//
// What is inserted comes from internal/credential, or from a token endpoint that it is shown to (RFC 6749 §4.4). internal/proxy says when,
// and for which host. The package decides nothing about people.
package insert
