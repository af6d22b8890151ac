package scenario

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/manifest"
	"github.com/optup/optup/internal/translate"
)

type file struct {
	Uses      []string   `json:"uses"`
	Why       string     `json:"why"`
	Workload  string     `json:"workload"`
	Ledger    []Entry    `json:"ledger"`
	Decisions []Decision `json:"decisions"`
}

// Load reads every case below a folder, from <area>/<sentence>/decisions.yaml with case.yaml beside it, and compiles its objects.
// Arrange, which may be nil, is shown the objects of each case before they are compiled.
func Load(fsys fs.FS, arrange func(*translate.Objects)) ([]Case, error) {
	all, err := Read(fsys)
	for i := range all {
		c := &all[i]
		if arrange != nil {
			arrange(&c.Objects)
		}
		c.Result = compile.Compile(translate.Snapshot(c.Objects))
	}
	return all, err
}

// Read reads every case below a folder as Load does, and leaves compiling to the caller.
func Read(fsys fs.FS) ([]Case, error) {
	folders, err := fs.Glob(fsys, "*/*/decisions.yaml")
	if err != nil {
		return nil, err
	}
	var out []Case
	for _, f := range folders {
		c, err := read(fsys, path.Dir(f))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		out = append(out, c)
	}
	return out, nil
}

func read(fsys fs.FS, dir string) (Case, error) {
	c := Case{Name: strings.ReplaceAll(dir, "-", " "), Folder: dir, File: path.Join(dir, "decisions.yaml")}
	var f file
	for _, name := range []string{"case.yaml", "decisions.yaml"} {
		data, err := fs.ReadFile(fsys, path.Join(dir, name))
		if err != nil {
			return c, err
		}
		if err := yaml.UnmarshalStrict(data, &f); err != nil {
			return c, fmt.Errorf("%s: %w", name, err)
		}
		if lines := entryLines(data); len(lines) > 0 {
			c.File, c.lines = path.Join(dir, name), lines
		}
	}
	var inputs []string
	for _, u := range f.Uses {
		inputs = append(inputs, path.Join("bases", u+".yaml"))
	}
	if _, err := fs.Stat(fsys, path.Join(dir, "input.yaml")); err == nil {
		inputs = append(inputs, path.Join(dir, "input.yaml"))
	}
	var r manifest.Reader
	for _, name := range inputs {
		if err := r.ReadFile(fsys, name); err != nil {
			return c, err
		}
	}
	objects := r.Result()
	if err := objects.Problems.Err(); err != nil {
		return c, err
	}
	c.Objects, c.Sources = objects.Objects, objects.Sources
	c.Why, c.Workload, c.Ledger, c.Decisions = f.Why, f.Workload, f.Ledger, f.Decisions
	return c, c.complete()
}

// complete numbers the entries of the ledger, and fills in what decisions leave out.
func (c *Case) complete() error {
	for i := range c.Ledger {
		c.Ledger[i].Position = consent.Position(i + 1)
		if err := c.Ledger[i].check(); err != nil {
			return fmt.Errorf("ledger entry %d: %w", i+1, err)
		}
	}
	for i := range c.Decisions {
		if c.Decisions[i].Request.Port == 0 {
			c.Decisions[i].Request.Port = 80
		}
	}
	return nil
}

// check refuses entries that a ledger would not take, and that would silently say nothing.
func (e *Entry) check() error {
	links := e.Type == consent.EventLinked || e.Type == consent.EventUnlinked
	if links != (e.With != nil) {
		return fmt.Errorf("%q: with names the other identifier of linked and unlinked, and of nothing else", e.Type)
	}
	return consent.Validate(e.Event)
}
