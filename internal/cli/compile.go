package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/translate"
)

// CompileOptions say what to compile.
type CompileOptions struct {
	// Files are files and folders with YAML; "-" is Input. Folders are read with all that is below them.
	Files []string
	Input io.Reader
	// Namespace limits the bundles, and is that of objects that name none; empty for all, and for "default".
	Namespace string
	// Workload limits the bundles to one, for example "Deployment/dashboard" or "ConsentLedger/main"; empty for all.
	Workload string
}

// Bundle is what one workload, or a ledger, would get.
type Bundle struct {
	Namespace string `json:"namespace"`
	Workload  string `json:"workload"`
	// Hash as in the SidecarConfig of the workload.
	Hash     string   `json:"hash"`
	Mode     string   `json:"mode"`
	Purposes []string `json:"purposes,omitempty"`
	Rules    int      `json:"rules"`
	// Bundle in its canonical encoding.
	Bundle json.RawMessage `json:"bundle"`
}

// Finding is something that is wrong, and where, if a file holds the object.
type Finding struct {
	Place
	Resource string `json:"resource"`
	Field    string `json:"field"`
	Code     string `json:"code"`
	Message  string `json:"message"`
}

// Compiled is what files compile to.
type Compiled struct {
	Bundles  []Bundle  `json:"bundles"`
	Findings []Finding `json:"findings"`
	// Governed are the namespaces with the mode label: workloads have bundles in these alone.
	Governed []string `json:"governed"`
	// Ungoverned are namespaces with policies, but without the label.
	Ungoverned []string `json:"ungoverned,omitempty"`
}

// Compile compiles files as the operator would compile the same objects in a cluster, without one.
func Compile(o CompileOptions) (Compiled, error) {
	read, _, err := sources{o.Files, o.Input, o.Namespace}.read()
	if err == nil {
		err = read.Problems.Err()
	}
	if err != nil {
		return Compiled{}, err
	}
	addTargets(&read.Objects)
	snapshot := translate.Snapshot(read.Objects)
	r := compile.Compile(snapshot)
	out := Compiled{Bundles: []Bundle{}, Findings: []Finding{}, Governed: []string{}}
	for _, n := range snapshot.Namespaces {
		out.Governed = append(out.Governed, n.Name)
	}
	for _, p := range snapshot.Policies {
		if !slices.Contains(out.Governed, p.Namespace) && !slices.Contains(out.Ungoverned, p.Namespace) {
			out.Ungoverned = append(out.Ungoverned, p.Namespace)
		}
	}
	add := func(b Bundle) {
		if (o.Namespace == "" || b.Namespace == o.Namespace) && (o.Workload == "" || b.Workload == o.Workload) {
			out.Bundles = append(out.Bundles, b)
		}
	}
	for _, b := range r.Bundles {
		one := Bundle{
			Namespace: b.Workload.Namespace, Workload: b.Workload.ID(), Hash: b.Hash, Mode: string(b.Bundle.Mode), Rules: len(b.Bundle.Rules), Bundle: b.Encoded,
		}
		for _, p := range b.Bundle.Purposes {
			one.Purposes = append(one.Purposes, string(p.Name))
		}
		add(one)
	}
	for _, l := range r.Ledgers {
		one := Bundle{Namespace: l.Ledger.Namespace, Workload: v1alpha1.KindConsentLedger + "/" + l.Ledger.Name, Hash: l.Hash, Bundle: l.Encoded}
		for _, p := range l.Bundle.Purposes {
			one.Purposes = append(one.Purposes, string(p.Name))
		}
		add(one)
	}
	out.Findings = append(out.Findings, findings(read.Sources, r)...)
	if len(out.Bundles) == 0 && o.Workload != "" {
		return out, fmt.Errorf("there is no bundle for %s: %s", named(o.Namespace, o.Workload), o.absent(out.Governed))
	}
	return out, nil
}

func (o CompileOptions) absent(governed []string) string {
	if o.Namespace != "" && !slices.Contains(governed, o.Namespace) {
		return fmt.Sprintf("the files hold no Namespace %s with the label %s, so nothing in it is governed", o.Namespace, v1alpha1.LabelMode)
	}
	return "the files hold no such workload, and no policy names it; without --workload, all are listed"
}

// addTargets adds the workloads that policies name but no file holds, as the operator does before they have pods: not where bundles
// depend on labels that only pods tell.
func addTargets(o *translate.Objects) {
	selected := map[string]bool{}
	for i := range o.Policies {
		if o.Policies[i].Spec.Selector != nil {
			selected[o.Policies[i].Namespace] = true
		}
	}
	known := map[policy.Ref]bool{}
	for _, w := range o.Workloads {
		known[policy.Ref{Kind: w.Kind, Namespace: w.Namespace, Name: w.Name}] = true
	}
	for i := range o.Policies {
		p := &o.Policies[i]
		for _, t := range p.Spec.TargetRefs {
			ref := policy.Ref{Kind: t.Kind, Namespace: p.Namespace, Name: t.Name}
			if !selected[p.Namespace] && !known[ref] {
				known[ref] = true
				o.Workloads = append(o.Workloads, policy.Workload{Namespace: p.Namespace, Kind: t.Kind, Name: t.Name})
			}
		}
	}
}
