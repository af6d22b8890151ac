// Command bypass tries to get around the sidecar, and fails if anything about people without permission comes through.
//
// It starts the built sidecar and a ledger that knows 1,000 people without permission and 200 with it, in front of the same liberal
// service on three servers (test/bypass/liberal), and sends known ways around filters and mixtures of them (test/bypass/attack). Whatever
// comes back, and whomever the services would mail, is searched for markers (test/bypass/market). Then it does the same with builds of the
// sidecar that lack one defence each: a fuzzer that does not find those proves nothing. See README.md.
package main
