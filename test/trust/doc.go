// Package trust has programs in the languages of applications call an intercepted host by https, through a sidecar's proxy: with the variables
// that admission injects and the files that sidecars write, and nothing else, they have to accept it; without, they have to refuse it.
//
// The programs are unmodified, from Debian's packages, in a network and a root of their own, in which the host leads to the proxy and the
// files are where pods have them. The package installs nothing: where CI is set, a program that is missing is an error, and else its part is left out.
package trust
