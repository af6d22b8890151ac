// Command optup-ledger is the consent ledger of one controller: it appends what people agree to and take back, and tells the
// sidecars within milliseconds.
//
// This package holds flags and wiring only; what happens is in internal/ledger. It links no Kubernetes library.
package main
