package standalone

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/manifest"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/translate"
)

// policies is what one content of the folder comes to.
type policies struct {
	digest   [sha256.Size]byte
	snapshot policy.Snapshot
	result   compile.Result
}

// load reads and compiles a folder. It fails for what the operator would never see, because an API server refuses it, and for what
// governs nothing. Other mistakes are findings, which deny.
func load(folder string) (*policies, error) {
	root := os.DirFS(folder)
	names, err := yamlFiles(root)
	if err != nil {
		return nil, err
	}
	p := &policies{}
	if p.digest, err = digest(root, names); err != nil {
		return nil, err
	}
	r := manifest.Reader{Namespace: "default"}
	o, err := r.ReadFiles(root, names...)
	if err != nil {
		return nil, err
	}
	addWorkloads(&o)
	p.snapshot = translate.Snapshot(o)
	p.result = compile.Compile(p.snapshot)
	for _, f := range p.result.Findings {
		switch f.Code {
		case compile.BundleTooLarge, compile.InvalidPurpose, compile.InvalidRule:
			return nil, errors.New(f.Message) // a cluster would not have taken it
		default:
		}
	}
	if len(p.result.Bundles) == 0 {
		return nil, fmt.Errorf("nothing is governed: no Namespace with the label %s (enforce or observe) has a ConsentPolicy or a workload", v1alpha1.LabelMode)
	}
	return p, nil
}

// yamlFiles gives the files below a folder that are meant to be read, by name. Editors keep their own under names with a dot.
func yamlFiles(root fs.FS) ([]string, error) {
	var names []string
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		hidden := name != "." && strings.HasPrefix(path.Base(name), ".")
		switch {
		case err != nil:
			return err
		case d.IsDir() && hidden:
			return fs.SkipDir
		case !d.IsDir() && !hidden && (path.Ext(name) == ".yaml" || path.Ext(name) == ".yml"):
			names = append(names, name)
		}
		return nil
	})
	if err == nil && len(names) == 0 {
		err = errors.New("the folder holds no .yaml file")
	}
	slices.Sort(names)
	return names, err
}

func digest(root fs.FS, names []string) ([sha256.Size]byte, error) {
	h := sha256.New()
	for _, name := range names {
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return [sha256.Size]byte{}, err
		}
		_, _ = fmt.Fprintf(h, "%q %d\n", name, len(data)) // a hash never fails
		h.Write(data)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// addWorkloads adds the workloads that policies are for and that no file holds. One that a policy names has no labels; for a policy
// that selects by labels stands one workload that has just these.
func addWorkloads(o *translate.Objects) {
	for i := range o.Policies {
		p := translate.Policy(&o.Policies[i])
		for _, t := range p.Targets {
			if !slices.ContainsFunc(o.Workloads, func(w policy.Workload) bool {
				return w.Namespace == p.Namespace && w.Kind == t.Kind && w.Name == t.Name
			}) {
				o.Workloads = append(o.Workloads, policy.Workload{Namespace: p.Namespace, Kind: t.Kind, Name: t.Name})
			}
		}
	}
	for i := range o.Policies {
		p := translate.Policy(&o.Policies[i])
		if len(p.Targets) > 0 && len(p.Selector) == 0 {
			continue
		}
		bySelector := policy.Policy{Namespace: p.Namespace, Selector: p.Selector}
		if !slices.ContainsFunc(o.Workloads, func(w policy.Workload) bool {
			return w.Namespace == p.Namespace && compile.Selects(bySelector, w)
		}) {
			o.Workloads = append(o.Workloads, policy.Workload{
				Namespace: p.Namespace, Kind: v1alpha1.KindConsentPolicy, Name: p.Name, Labels: p.Selector,
			})
		}
	}
}

// limit keeps the bundles of the workloads that were chosen.
func (p *policies) limit(workloads []string) error {
	if len(workloads) == 0 {
		return nil
	}
	var all []string
	for _, b := range p.result.Bundles {
		all = append(all, idOf(b.Workload))
	}
	for _, w := range workloads {
		if !slices.Contains(all, w) {
			return fmt.Errorf("there is no workload %s in a governed namespace; there are: %s", w, strings.Join(all, ", "))
		}
	}
	p.result.Bundles = slices.DeleteFunc(p.result.Bundles, func(b compile.Bundle) bool { return !slices.Contains(workloads, idOf(b.Workload)) })
	return nil
}

func idOf(w policy.Workload) string { return w.Namespace + "/" + w.ID() }

// describe counts what was read.
func (p *policies) describe() string {
	s := p.snapshot
	return fmt.Sprintf("%d purposes, %d notices, %d services, %d policies, ledgers: %d",
		len(s.Purposes), len(s.Notices), len(s.Services), len(s.Policies), len(s.Ledgers))
}

// folders gives a folder and all below it that may hold manifests.
func folders(folder string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
		case name != folder && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		default:
			out = append(out, name)
		}
		return nil
	})
	return out, err
}
