// Package cli is what the command line does: each command returns data, and printing is separate.
//
// It reads clusters and files; decisions come from internal/compile and internal/decide, the same functions that the manager and the
// sidecar use.
package cli
