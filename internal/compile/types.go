package compile

import (
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// Code classifies a finding. Codes are part of the public API: they become condition reasons.
type Code string

// Codes of findings.
const (
	// PurposeNotFound surfaces when a rule names a DataPurpose that does not exist.
	PurposeNotFound Code = "PurposeNotFound"
	// ServiceNotFound surfaces when a rule names a DataService that does not exist, or that does not allow the policy's namespace.
	ServiceNotFound Code = "ServiceNotFound"
	// EndpointNotFound surfaces when a rule names an endpoint that its service does not declare.
	EndpointNotFound Code = "EndpointNotFound"
	// NamespaceNotAllowed surfaces when a purpose does not allow the policy's namespace to act for it.
	NamespaceNotAllowed Code = "NamespaceNotAllowed"
	// LedgerNotFound surfaces when no ConsentLedger exists for the controller of a purpose.
	LedgerNotFound Code = "LedgerNotFound"
	// ParentNotFound surfaces when a purpose names a parent that does not exist, or that leads back to itself.
	ParentNotFound Code = "ParentNotFound"
	// NotLawful surfaces when a purpose combines ground, channel and processing in a way that the law does not allow.
	NotLawful Code = "NotLawful"
	// NothingCovered surfaces when a rule's endpoint does something that its purpose does not include.
	NothingCovered Code = "NothingCovered"
	// HostConflict surfaces when two services declare the same host and port.
	HostConflict Code = "HostConflict"
	// InvalidEndpoint surfaces when an endpoint's template, pointers or units do not fit together.
	InvalidEndpoint Code = "InvalidEndpoint"
	// BundleTooLarge surfaces when a workload's bundle exceeds the size that can be published.
	BundleTooLarge Code = "BundleTooLarge"
)

// Finding is one thing that is wrong, where, and what to do about it.
type Finding struct {
	Resource policy.Ref
	// Field is the path of the member, for example "spec.rules[0].purpose".
	Field string
	Code  Code
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

// Result is what a snapshot compiles to. Everything is sorted.
type Result struct {
	Bundles  []Bundle
	Ledgers  []LedgerBundle
	Findings []Finding
}
