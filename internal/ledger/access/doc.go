// Package access tells who calls a ledger and what they may do: roles of service accounts, and the purposes that a sidecar's
// grant names.
//
// Both come from one mounted file, which is read again when it changes, and are verified offline by internal/identity. The
// package knows no Kubernetes API and nothing of people; callers go to internal/ledger/api and internal/ledger/stream.
package access
