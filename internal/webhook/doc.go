// Package webhook is the admission glue around internal/inject: pods of governed namespaces get their sidecar, and no pod without
// it, or with one that was changed, is admitted.
//
// It decides nothing about pods itself. The API server calls it only for namespaces that carry the mode label, and refuses their
// pods while it cannot be called.
package webhook
