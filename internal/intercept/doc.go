// Package intercept makes and keeps the certificates with which a sidecar ends an application's TLS to hosts that are declared so.
//
// Authorities are made and kept by the manager, one for each governed namespace, and never leave it; alone, a sidecar reads one from a
// file. Leaves are for one host each, live a day, and are shown by internal/proxy. The package also writes what makes applications
// trust an authority: public roots and the authority together, in the forms that runtimes read. It decides about nothing, and knows
// neither Kubernetes nor HTTP.
package intercept
