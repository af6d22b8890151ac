// Package inject puts the enforcement sidecar into a pod and checks that it is still there.
//
// It is pure: pod in, patched pod and report out. It builds structs, never text. It knows no cluster and no admission;
// internal/webhook calls it for the API server, and the command line can call it for files.
package inject
