package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Ref names a resource: kind, namespace (empty for cluster-scoped) and name.
type Ref struct {
	Kind, Namespace, Name string
}

// String gives "Kind namespace/name", in one line whatever they hold.
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + line(r.Name)
	}
	return r.Kind + " " + line(r.Namespace) + "/" + line(r.Name)
}

// line gives a name as it may stand in a line of output. What a file holds may be no name, and break the line or colour what follows.
func line(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

// Snapshot is one consistent view of everything that bundles are compiled from. Order does not matter.
type Snapshot struct {
	Namespaces []Namespace
	Purposes   []Purpose
	Notices    []ir.Notice
	Services   []Service
	Policies   []Policy
	// Touchpoints are where people are asked.
	Touchpoints []Touchpoint
	Ledgers     []Ledger
	Workloads   []Workload
	// On is the day for whose law bundles are compiled; the zero time means the newest law known.
	On time.Time
}

// Namespace is a governed namespace.
type Namespace struct {
	Name   string
	Mode   ir.Mode
	Labels map[string]string
}

// Purpose is a DataPurpose. Parent is the name of the purpose whose restrictions it inherits.
type Purpose struct {
	ir.Purpose
	// DPV is the term of the Data Privacy Vocabulary, for findings only.
	DPV    string
	Parent string
	// EvidenceRetentionDays is how long the evidence of a grant is kept after its last use; 0 means until erasure.
	EvidenceRetentionDays int
	// Allowed says which namespaces may act for the purpose.
	Allowed NamespaceSelector
}

// NamespaceSelector names namespaces, or selects them by labels. The zero value matches none.
type NamespaceSelector struct {
	Names       []string
	MatchLabels map[string]string
}

// Matches tells whether a namespace is named or selected.
func (s NamespaceSelector) Matches(n Namespace) bool {
	for _, name := range s.Names {
		if name == n.Name {
			return true
		}
	}
	if len(s.MatchLabels) == 0 {
		return false
	}
	for k, v := range s.MatchLabels {
		if n.Labels[k] != v {
			return false
		}
	}
	return true
}

// Service is a DataService. Its ir.Service.Name is "namespace/name".
type Service struct {
	ir.Service
	Namespace string
	// Allowed says which other namespaces may refer to it.
	Allowed NamespaceSelector
	// Since is when it was declared: where two services declare the same host, the older one counts. Zero for one from a file.
	Since time.Time
	// Workloads are the pods of the service's namespace that are the service; nil if we do not run them.
	Workloads *ServiceWorkloads
	// Callbacks are what it calls workloads with.
	Callbacks []Callback
}

// ServiceWorkloads says which pods are a service, and where they take requests.
type ServiceWorkloads struct {
	Targets []Target
	// Selector selects pods by label; empty selects none.
	Selector map[string]string
	// Ports are the pods' ports by those of the service, where they differ.
	Ports map[int]int
}

// Policy is a ConsentPolicy.
type Policy struct {
	Namespace, Name string
	Targets         []Target
	// Selector selects pods by label; empty with no targets selects every pod of the namespace.
	Selector       map[string]string
	Mode           ir.Mode // "" means Enforce
	FreshnessBound time.Duration
	Ungoverned     *ir.Ungoverned
	Rules          []Rule
	Callbacks      []CallbackUse
}

// Target names one workload, for example Deployment dashboard.
type Target struct{ Kind, Name string }

// Rule is one rule of a policy.
type Rule struct {
	Name      string
	Purpose   consent.PurposeID
	Service   ServiceRef
	Endpoints []string
	When      []ir.Condition
	OnMissing ir.OnMissing // "" means Deny
	OnEmpty   ir.OnEmpty   // "" means Deny
	Redaction ir.Redaction // "" means Omit
	Tracking  []ir.TrackingRule
}

// ServiceRef names a DataService; an empty namespace is the policy's own.
type ServiceRef struct{ Namespace, Name string }

// Ledger is a ConsentLedger: the ledger of one controller.
type Ledger struct {
	Namespace, Name string
	Controller      string
	URL             string
}

// Workload is one set of alike pods: the owner that controls them, and those of their labels that selectors use.
type Workload struct {
	Namespace, Kind, Name string
	Labels                map[string]string
	// Accounts are the service accounts that its pods run as, sorted, each once.
	Accounts []string
	// Bare tells that pods of it have no sidecar and show tokens to services instead. Services decide about them wherever they are, also in
	// a namespace that is not governed.
	Bare bool
}

// ID is "Kind/name".
func (w Workload) ID() string { return w.Kind + "/" + w.Name }

var notDNS = regexp.MustCompile(`[^a-z0-9]+`)

// Config is the name of the workload's bundle: readable, DNS-safe, at most 63 characters, and different for different kinds, names and
// labels.
func (w Workload) Config() string {
	h := sha256.New()
	h.Write([]byte(w.Kind + "\x00" + w.Name))
	for _, k := range slices.Sorted(maps.Keys(w.Labels)) {
		h.Write([]byte("\x00" + k + "\x00" + w.Labels[k]))
	}
	readable := notDNS.ReplaceAllString(strings.ToLower(w.Kind+"-"+w.Name), "-")
	readable = strings.Trim(readable[:min(len(readable), 54)], "-")
	return readable + "-" + hex.EncodeToString(h.Sum(nil))[:8]
}
