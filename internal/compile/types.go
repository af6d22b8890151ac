package compile

import (
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// Severity says what a finding does.
type Severity string

// Severities.
const (
	// Error: what is wrong is denied until it is put right.
	Error Severity = "Error"
	// Warning: nothing is denied because of the finding, but somebody should know.
	Warning Severity = "Warning"
)

// Finding is one thing that is wrong, where, and what to do about it.
type Finding struct {
	Resource policy.Ref
	// Field is the path of the member, for example "spec.rules[0].purpose".
	Field    string
	Code     Code
	Severity Severity
	// Message is a sentence that names the problem and the remedy, without data of any person.
	Message string
}

// Bundle is the compiled bundle of one workload.
type Bundle struct {
	Workload policy.Workload
	Bundle   *ir.Bundle
	// Encoded is the canonical encoding, Hash its hash.
	Encoded []byte
	Hash    string
}

// LedgerBundle is the bundle of one ledger: purposes and notices of its controller.
type LedgerBundle struct {
	Ledger  policy.Ref
	Bundle  *ir.Bundle
	Encoded []byte
	Hash    string
}

// Result is what a snapshot compiles to. Everything is sorted. Bundles share parts of their content: they are for reading only.
type Result struct {
	Bundles  []Bundle
	Ledgers  []LedgerBundle
	Findings []Finding
}
