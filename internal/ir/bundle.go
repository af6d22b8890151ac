package ir

// Schema is the bundle schema that this version writes. Readers accept OldestSchema to Schema.
const (
	Schema       = 1
	OldestSchema = 1
)

// MaxBundleBytes is the largest canonical encoding of a workload's bundle.
const MaxBundleBytes = 256 << 10

// MaxLedgerBundleBytes is that of a ledger's, which also holds the words that people are shown, in all languages: one object and one
// hash for everything that is in force, so that a ledger never serves a wording beside the rules of another moment. Spelled as a string
// inside of a JSON object, at most twice as long, it still fits what etcd takes in one request (1.5 MiB).
const MaxLedgerBundleBytes = 768 << 10

// Mode says whether decisions take effect.
type Mode string

// Modes. The zero value enforces.
const (
	ModeEnforce Mode = "Enforce"
	ModeObserve Mode = "Observe"
)

// Bundle is everything that the sidecar of one workload, or a ledger, needs to decide.
type Bundle struct {
	Schema int `json:"schema"`
	// Critical names elements that a reader has to understand to enforce this bundle; it refuses the bundle otherwise.
	Critical []string `json:"critical,omitempty"`
	// Namespace and Workload say whom the bundle is for, for example "marketing" and "Deployment/dashboard".
	Namespace string `json:"namespace"`
	Workload  string `json:"workload"`
	// Mode holds for requests that match no rule; each rule has its own.
	Mode       Mode       `json:"mode"`
	Ungoverned Ungoverned `json:"ungoverned"`
	// FreshnessBoundMillis is how old the facts may be for a permission that rests on a record, or on the absence of an objection.
	FreshnessBoundMillis int64     `json:"freshnessBoundMillis"`
	Ledgers              []Ledger  `json:"ledgers,omitempty"`
	Purposes             []Purpose `json:"purposes,omitempty"`
	Notices              []Notice  `json:"notices,omitempty"`
	Services             []Service `json:"services,omitempty"`
	Rules                []Rule    `json:"rules,omitempty"`
	// Provides are the services that the workload's own pods are.
	Provides []Provided `json:"provides,omitempty"`
	// Callbacks are where services call the workload; their ports are its own.
	Callbacks []Callback `json:"callbacks,omitempty"`
	// Touchpoints are where people are asked; in bundles of ledgers only.
	Touchpoints []Touchpoint `json:"touchpoints,omitempty"`
}

// UngovernedAction is what happens to hosts that no service declares.
type UngovernedAction string

// Actions for ungoverned hosts.
const (
	UngovernedObserve UngovernedAction = "Observe"
	UngovernedAllow   UngovernedAction = "Allow"
	UngovernedDeny    UngovernedAction = "Deny"
)

// Ungoverned says what happens to hosts that no service declares.
type Ungoverned struct {
	Action UngovernedAction `json:"action"`
	// Hosts are the names ("db.internal", "*.svc.cluster.local") or addresses (CIDR) that Allow lets pass.
	Hosts []string `json:"hosts,omitempty"`
}

// Ledger is where the facts about the purposes of one controller come from.
type Ledger struct {
	Controller string `json:"controller"`
	URL        string `json:"url"`
}
