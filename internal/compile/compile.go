package compile

import (
	"cmp"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// Compile compiles a snapshot. It never fails as a whole: what is wrong becomes a finding and compiles to a denial.
func Compile(s policy.Snapshot) Result {
	c := newCompiler(s)
	var r Result
	workloads := c.workloads(s.Workloads)
	c.findProviders(workloads)
	bundles := make([]*ir.Bundle, len(workloads))
	for i, w := range workloads {
		if bundles[i] = c.workload(w); bundles[i] != nil {
			c.noteCaller(w, bundles[i])
		}
	}
	for i, w := range workloads {
		if bundles[i] == nil || !c.governs(w) {
			continue // no sidecar is there to publish it for
		}
		c.provide(w, bundles[i])
		if b, ok := c.finish(w, bundles[i]); ok {
			r.Bundles = append(r.Bundles, b)
		}
	}
	c.checkRulesTogether()
	for _, l := range c.ledgers {
		if b, ok := c.ledger(l); ok {
			r.Ledgers = append(r.Ledgers, b)
		}
	}
	r.Findings = c.findings.sorted()
	return r
}

// compiler holds a snapshot as it was resolved. All its lists are sorted.
type compiler struct {
	law        law
	namespaces map[string]policy.Namespace
	ledgers    []policy.Ledger
	ledgerOf   map[string]bool

	purposes map[consent.PurposeID]*purpose
	sorted   []*purpose

	notices  []ir.Notice
	noticeOf map[consent.NoticeID]*ir.Notice
	naming   map[consent.PurposeID][]int // indices of the notices that name a purpose
	series   map[[2]string]bool          // by controller and series

	touchpoints   []policy.Touchpoint
	touchpointsOf map[string][]*policy.Touchpoint
	offers        map[consent.NoticeID]int // how many touchpoints offer a wording

	services map[string]*service
	byName   []*service

	policies  map[string][]*policyIn // by namespace
	selectors map[string]*selectors
	governed  map[string]*governed
	referred  map[string]map[string]bool // by namespace, the services that its policies refer to
	together  map[string]bool            // sets of policies that some workload has, by their places

	findings findings
}

func newCompiler(s policy.Snapshot) *compiler {
	c := &compiler{
		law:        lawOn(s.On),
		namespaces: map[string]policy.Namespace{}, ledgerOf: map[string]bool{},
		purposes: map[consent.PurposeID]*purpose{}, noticeOf: map[consent.NoticeID]*ir.Notice{},
		naming: map[consent.PurposeID][]int{}, series: map[[2]string]bool{},
		touchpointsOf: map[string][]*policy.Touchpoint{}, offers: map[consent.NoticeID]int{},
		services: map[string]*service{}, policies: map[string][]*policyIn{},
		selectors: map[string]*selectors{}, governed: map[string]*governed{}, referred: map[string]map[string]bool{}, together: map[string]bool{},
	}
	for _, n := range distinct(s.Namespaces, func(a, b policy.Namespace) int { return cmp.Compare(a.Name, b.Name) }, func(policy.Namespace) {}) {
		c.namespaces[n.Name] = n
	}
	c.resolveLedgers(s.Ledgers)
	c.resolveNotices(s.Notices)
	c.resolveTouchpoints(s.Touchpoints)
	c.resolvePurposes(s.Purposes)
	for i := range c.notices {
		n := &c.notices[i]
		for _, name := range n.Purposes {
			c.naming[name] = append(c.naming[name], i)
			if p := c.purposes[name]; p != nil && p.Controller == n.Controller {
				p.notices = append(p.notices, n)
			}
		}
	}
	c.checkNotices(s.Notices)
	for _, p := range c.sorted {
		c.checkWordings(p)
	}
	for i := range c.touchpoints {
		c.checkTouchpoint(&c.touchpoints[i])
	}
	c.resolveServices(s.Services)
	c.resolvePolicies(s.Policies)
	for _, p := range c.sorted {
		c.checkUse(p)
	}
	return c
}

func (c *compiler) resolveLedgers(in []policy.Ledger) {
	all := distinct(in, func(a, b policy.Ledger) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	}, func(l policy.Ledger) {
		c.findings.error(ledgerRef(l), "metadata.name", DuplicateName, "There are two ConsentLedgers with this name; only one of them counts. Rename or remove one.")
	})
	for _, l := range all {
		if c.ledgerOf[l.Controller] {
			c.findings.error(ledgerRef(l), "spec.controller", ControllerConflict, "Another ConsentLedger is for the controller %q; only that one counts. Remove one of them.", l.Controller)
			continue
		}
		c.ledgerOf[l.Controller] = true
		c.ledgers = append(c.ledgers, l)
	}
}

func ledgerRef(l policy.Ledger) policy.Ref {
	return policy.Ref{Kind: "ConsentLedger", Namespace: l.Namespace, Name: l.Name}
}

// workloads sorts the workloads, each once.
func (c *compiler) workloads(in []policy.Workload) []policy.Workload {
	type keyed struct {
		policy.Workload
		labels string
	}
	all := make([]keyed, 0, len(in))
	for _, w := range in {
		all = append(all, keyed{w, labelString(w.Labels)})
	}
	compare := func(a, b keyed) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.labels, b.labels))
	}
	slices.SortFunc(all, compare)
	all = slices.CompactFunc(all, func(a, b keyed) bool { return compare(a, b) == 0 })
	out := make([]policy.Workload, 0, len(all))
	for _, w := range all {
		out = append(out, w.Workload)
	}
	return out
}

func labelString(labels map[string]string) string {
	var out []string
	for k, v := range labels {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}
