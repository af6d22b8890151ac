// Package start measures how long it takes from nothing to a table that decisions can rest on: the sidecar's own client takes a ledger's
// snapshot over HTTP, against encoding/json decoding the same facts. Results go to the harness.
package start
