package translate

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// Objects is what somebody gathered: everything that bundles depend on, of the whole cluster.
type Objects struct {
	Namespaces []corev1.Namespace
	Purposes   []v1alpha1.DataPurpose
	Notices    []v1alpha1.ConsentNotice
	Services   []v1alpha1.DataService
	Policies   []v1alpha1.ConsentPolicy
	// Touchpoints are where people are asked.
	Touchpoints []v1alpha1.Touchpoint
	Ledgers     []v1alpha1.ConsentLedger
	// Exemptions are recorded; this version grants none.
	Exemptions []v1alpha1.EnforcementExemption
	Workloads  []policy.Workload
}

// Snapshot translates objects. It never fails: the API server has validated what one object can tell, and the compiler turns the
// rest into findings.
func Snapshot(o Objects) policy.Snapshot {
	s := policy.Snapshot{Workloads: o.Workloads}
	for i := range o.Namespaces {
		if n, governed := namespace(&o.Namespaces[i]); governed {
			s.Namespaces = append(s.Namespaces, n)
		}
	}
	for i := range o.Purposes {
		s.Purposes = append(s.Purposes, purpose(&o.Purposes[i]))
	}
	for i := range o.Notices {
		s.Notices = append(s.Notices, notice(&o.Notices[i]))
	}
	for i := range o.Services {
		s.Services = append(s.Services, service(&o.Services[i]))
	}
	for i := range o.Policies {
		s.Policies = append(s.Policies, Policy(&o.Policies[i]))
	}
	for i := range o.Touchpoints {
		s.Touchpoints = append(s.Touchpoints, touchpoint(&o.Touchpoints[i]))
	}
	for i := range o.Ledgers {
		l := &o.Ledgers[i]
		s.Ledgers = append(s.Ledgers, policy.Ledger{Namespace: l.Namespace, Name: l.Name, Controller: l.Spec.Controller, URL: LedgerURL(l)})
	}
	return s
}

// LedgerURL is where a ledger is inside the cluster.
func LedgerURL(l *v1alpha1.ConsentLedger) string {
	return "https://" + LedgerName(l) + "." + l.Namespace + ".svc:8443"
}

// LedgerName is the name of a ledger's StatefulSet and Service, and the prefix of the names of its Secrets.
func LedgerName(l *v1alpha1.ConsentLedger) string { return l.Name + "-ledger" }

// namespace reports false for a namespace that nobody put under governance. A label value that is not known enforces: a label that
// somebody set on purpose must not fail open.
func namespace(n *corev1.Namespace) (policy.Namespace, bool) {
	value, ok := n.Labels[v1alpha1.LabelMode]
	out := policy.Namespace{Name: n.Name, Mode: ir.ModeEnforce, Labels: n.Labels}
	if value == v1alpha1.LabelModeObserve {
		out.Mode = ir.ModeObserve
	}
	return out, ok
}

func selector(s *v1alpha1.NamespaceSelector) policy.NamespaceSelector {
	if s == nil {
		return policy.NamespaceSelector{}
	}
	out := policy.NamespaceSelector{Names: convert[string](s.Names)}
	if s.Selector != nil {
		out.MatchLabels = s.Selector.MatchLabels
	}
	return out
}

// convert copies a list of texts from one named type to another.
func convert[To, From ~string](in []From) []To {
	if len(in) == 0 {
		return nil
	}
	out := make([]To, len(in))
	for i, x := range in {
		out[i] = To(x)
	}
	return out
}
