// Package cli is what the command line does. Each command is a function that returns data; printers are apart (print*.go), and flags
// are in cmd/optup.
//
// lint, compile, test, decide, explain and diff walk the road of the operator from files, through internal/manifest, internal/translate
// and internal/compile, without a cluster; internal/scenario decides their requests, internal/explain tells why. import openapi drafts
// a service from one document, through internal/openapi. doctor and uninstall read and change a cluster through a client that they are
// given; they also work while the operator is dead. ledger speaks the ledger's HTTP API.
//
// It decides nothing: what a policy means is in internal/compile, what a request may do in internal/decide. It does not import
// controllers, whose objects it knows by name (names.go). Data of people passes through it only to and from the ledger, and from a
// request in a file to the body that would be sent: it is never an argument of a command, never in an error, and never stored.
package cli
