package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"

	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/scenario"
	"github.com/optup/optup/internal/translate"
)

// DiffOptions say what to compare, and over which requests.
type DiffOptions struct {
	// Old and New are files or folders with manifests. Objects that name no namespace are put into Namespace, or into "default".
	Old, New  string
	Namespace string
	// Corpus are folders of cases (see package scenario): their requests and ledgers count, not what they expect.
	Corpus []string
	// KeepBases lays Old and New over each case's own objects, by kind, namespace and name. Without it they stand in place of them.
	KeepBases bool
	// Only limits the decisions, as in Test.
	Only *regexp.Regexp
}

// Kind is how a decision changes.
type Kind string

// Kinds of changes. What permits more counts as such even if it also permits less: it is what has to be looked at.
const (
	NewlyPermitted Kind = "newlyPermitted"
	NewlyDenied    Kind = "newlyDenied"
	OtherChange    Kind = "other"
)

// Side is one decision under one set of manifests.
type Side struct {
	// Governed tells that the workload has a bundle. One without has no sidecar that would decide anything.
	Governed    bool                `json:"governed"`
	Effect      decide.Effect       `json:"effect,omitempty"`
	Mode        ir.Mode             `json:"mode,omitempty"`
	Purpose     consent.PurposeID   `json:"purpose,omitempty"`
	Reasons     []decide.Reason     `json:"reasons,omitempty"`
	People      []decide.Reason     `json:"people,omitempty"`
	Obligations []decide.Obligation `json:"obligations,omitempty"`

	sent                int
	forwarded, returned any
}

// Changed is one decision that changes.
type Changed struct {
	Kind     Kind   `json:"kind"`
	Case     string `json:"case"`
	Decision string `json:"decision"`
	Before   Side   `json:"before"`
	After    Side   `json:"after"`
	// Data are sentences about bodies: which values are forwarded or returned that were not, and the other way round.
	Data []string `json:"data,omitempty"`
}

// BundleChange is a workload, or a ledger, that gets another bundle.
type BundleChange struct {
	Namespace string `json:"namespace"`
	Workload  string `json:"workload"`
	// Before and After are hashes; empty for none.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Difference is what changes between two sets of manifests.
type Difference struct {
	// Decisions is how many were compared. Changed are those that differ, newly permitted first.
	Decisions int       `json:"decisions"`
	Changed   []Changed `json:"changed"`
	// Ungoverned counts decisions about workloads that neither set governs.
	Ungoverned int            `json:"ungoverned"`
	Bundles    []BundleChange `json:"bundles"`
	// Appeared and Gone are findings of the compiler.
	Appeared []Finding `json:"appeared"`
	Gone     []Finding `json:"gone"`
}

// Same tells that nothing changes.
func (d Difference) Same() bool {
	return len(d.Changed) == 0 && len(d.Bundles) == 0 && len(d.Appeared) == 0 && len(d.Gone) == 0
}

// Count counts the changed decisions of a kind.
func (d Difference) Count(k Kind) int {
	n := 0
	for _, c := range d.Changed {
		if c.Kind == k {
			n++
		}
	}
	return n
}

// set is one side's manifests.
type set struct {
	objects  translate.Objects
	result   compile.Result
	findings []Finding
}

// Diff decides the requests of a corpus under two sets of manifests, and compares.
//
// The sets stand in place of the cases' own objects, because a pull request changes what is deployed, and nothing but that should be
// decided with: an object that New no longer holds is gone.
func Diff(o DiffOptions) (Difference, error) {
	before, err := o.load(o.Old)
	if err != nil {
		return Difference{}, err
	}
	after, err := o.load(o.New)
	if err != nil {
		return Difference{}, err
	}
	out := Difference{Changed: []Changed{}, Bundles: bundleChanges(before.result, after.result)}
	out.Appeared = without(after.findings, before.findings)
	out.Gone = without(before.findings, after.findings)
	for _, f := range o.Corpus {
		if err := o.corpus(os.DirFS(f), before, after, &out); err != nil {
			return Difference{}, fmt.Errorf("%s: %w", f, err)
		}
	}
	if out.Ungoverned == out.Decisions {
		return out, errors.New("no case is about a workload that either set governs: the manifests need the Namespace with its label, and the workload or a policy that names it")
	}
	slices.SortStableFunc(out.Changed, func(a, b Changed) int { return cmp.Compare(rank[a.Kind], rank[b.Kind]) })
	return out, nil
}

var rank = map[Kind]int{NewlyPermitted: 0, NewlyDenied: 1, OtherChange: 2}

func (o DiffOptions) load(name string) (set, error) {
	read, _, err := sources{files: []string{name}, namespace: o.Namespace}.read()
	if err == nil {
		err = read.Problems.Err()
	}
	if err != nil {
		return set{}, err
	}
	addTargets(&read.Objects)
	out := set{objects: read.Objects, result: compile.Compile(translate.Snapshot(read.Objects))}
	out.findings = findings(read.Sources, out.result)
	return out, nil
}

func (o DiffOptions) corpus(folder fs.FS, before, after set, out *Difference) error {
	cases, err := scenario.Read(folder)
	if err != nil {
		return err
	}
	compared := make([]Difference, len(cases))
	problems := make([]error, len(cases))
	each(len(cases), func(i int) { compared[i], problems[i] = o.compareCase(cases[i], before, after) })
	if err := errors.Join(problems...); err != nil {
		return err
	}
	n := 0
	for _, d := range compared {
		n += d.Decisions
		out.Decisions += d.Decisions
		out.Ungoverned += d.Ungoverned
		out.Changed = append(out.Changed, d.Changed...)
	}
	if n == 0 {
		return nothing(len(cases))
	}
	return nil
}

func (o DiffOptions) compareCase(c scenario.Case, before, after set) (Difference, error) {
	var out Difference
	if !asked(c, o.Only) {
		return out, nil
	}
	old, err := o.sides(c, before)
	if err != nil {
		return out, fmt.Errorf("%s: %w", c.Name, err)
	}
	now, err := o.sides(c, after)
	if err != nil {
		return out, fmt.Errorf("%s: %w", c.Name, err)
	}
	for i, d := range c.Decisions {
		if !matches(o.Only, c.Name+"/"+d.Name) {
			continue
		}
		out.Decisions++
		if !old[i].Governed && !now[i].Governed {
			out.Ungoverned++
			continue
		}
		if ch, differs := compareSides(old[i], now[i]); differs {
			ch.Case, ch.Decision = c.Name, d.Name
			out.Changed = append(out.Changed, ch)
		}
	}
	return out, nil
}

// sides decides every request of a case under one set.
func (o DiffOptions) sides(c scenario.Case, s set) ([]Side, error) {
	c.Result = s.result
	if o.KeepBases {
		objects := overlay(c.Objects, s.objects)
		c.Result = compile.Compile(translate.Snapshot(objects))
	}
	out := make([]Side, len(c.Decisions))
	if !c.Governed() {
		return out, nil
	}
	x, err := c.Index()
	if err != nil {
		return nil, err
	}
	for i, d := range c.Decisions {
		r, err := c.Decide(x, d)
		if err != nil {
			return nil, fmt.Errorf("decision %q: %w", d.Name, err)
		}
		out[i] = Side{
			Governed: true, Effect: r.Got.Effect, Mode: mode(r), Purpose: r.Got.Purpose, Reasons: r.Got.Reasons, People: r.Got.People,
			Obligations: r.Got.Obligations, sent: r.Sent, forwarded: r.Forwarded, returned: r.Returned,
		}
	}
	return out, nil
}

func bundleChanges(before, after compile.Result) []BundleChange {
	type key struct{ namespace, workload string }
	hashes := func(r compile.Result) map[key]string {
		out := map[key]string{}
		for _, b := range r.Bundles {
			out[key{b.Workload.Namespace, b.Workload.ID()}] = b.Hash
		}
		for _, l := range r.Ledgers {
			out[key{l.Ledger.Namespace, l.Ledger.Kind + "/" + l.Ledger.Name}] = l.Hash
		}
		return out
	}
	old, now := hashes(before), hashes(after)
	out := []BundleChange{}
	for k, h := range old {
		if now[k] != h {
			out = append(out, BundleChange{k.namespace, k.workload, h, now[k]})
		}
	}
	for k, h := range now {
		if old[k] == "" {
			out = append(out, BundleChange{k.namespace, k.workload, "", h})
		}
	}
	slices.SortFunc(out, func(a, b BundleChange) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Workload, b.Workload))
	})
	return out
}

func mode(o scenario.Outcome) ir.Mode {
	if o.Observed {
		return ir.ModeObserve
	}
	return ir.ModeEnforce
}

// without gives what is in a and not in b, wherever it stands.
func without(a, b []Finding) []Finding {
	out := []Finding{}
	for _, f := range a {
		if !slices.ContainsFunc(b, func(g Finding) bool { g.Place = f.Place; return g == f }) {
			out = append(out, f)
		}
	}
	return out
}
