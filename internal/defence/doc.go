// Package defence names the defences of the sidecar that the bypass fuzzer has to see missing (test/bypass).
//
// Each is a constant that is true. The build tag "defect_" and its name makes it false in a build that only the fuzzer makes: such a
// sidecar leaks, and a fuzzer that does not notice proves nothing. Because they are constants, the product holds neither a switch nor the
// code behind it. No build of the product sets a tag; a test holds it to that. The package knows nothing else.
package defence
