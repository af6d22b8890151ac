// Package load measures what a proxy costs: OptUp's sidecar against httputil.ReverseProxy and Caddy, and without one.
//
// Each proxy is a process of its own on one core. One client and one service, the same for all, share the other core. The client sends
// at a fixed rate and counts from when a request was due, so that a proxy that stalls does not slow the measurement down. The sidecar
// runs alone with a bundle and follows a real ledger with imported people. Results go to the harness.
package load
