package scenario

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/manifest"
	"github.com/optup/optup/internal/translate"
)

// Case is one folder.
type Case struct {
	// Name is "area/sentence".
	Name string
	Why  string
	// Result is what the case's objects compile to.
	Result   compile.Result
	Workload string
	// People are the records that the ledger's events come to, by plain address.
	People    map[string]*consent.Record
	Decisions []Decision
}

// Decision is one request and what has to become of it.
type Decision struct {
	Name    string  `json:"name"`
	Request Request `json:"request"`
	// Answer is what the service would answer; nil for nothing.
	Answer any `json:"answer,omitempty"`
	// Age of the facts: "never", a duration, or empty for fresh ones.
	Age    string `json:"age,omitempty"`
	Expect Expect `json:"expect"`
}

// Request is what an application sends.
type Request struct {
	Method string `json:"method"`
	Host   string `json:"host"`
	Port   int    `json:"port,omitempty"`
	Path   string `json:"path"`
	Body   any    `json:"body,omitempty"`
}

// Expect is what has to become of a request. Forwarded and Returned are only compared where they are given; null stands for a
// request that is not sent.
type Expect struct {
	Effect      decide.Effect       `json:"effect"`
	Purpose     consent.PurposeID   `json:"purpose,omitempty"`
	Reasons     []decide.Reason     `json:"reasons,omitempty"`
	People      []decide.Reason     `json:"people,omitempty"`
	Obligations []decide.Obligation `json:"obligations,omitempty"`
	Forwarded   Body                `json:"forwarded,omitzero"`
	Returned    Body                `json:"returned,omitzero"`
}

// Body is a body that may be given, perhaps as null.
type Body struct {
	Given bool
	Value any
}

// UnmarshalJSON implements json.Unmarshaler; it is also called for null.
func (b *Body) UnmarshalJSON(data []byte) error {
	b.Given = true
	return yaml.Unmarshal(data, &b.Value)
}

// Now is the moment of every decision.
var Now = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

// Moment is the moment of one decision.
func (d Decision) Moment() (decide.Now, error) {
	switch d.Age {
	case "never":
		return decide.Never, nil
	case "":
		return decide.Now{Ledger: Now}, nil
	}
	age, err := time.ParseDuration(d.Age)
	return decide.Now{Ledger: Now, Age: age}, err
}

type file struct {
	Uses     []string `json:"uses"`
	Why      string   `json:"why"`
	Workload string   `json:"workload"`
	Ledger   []struct {
		Person string `json:"person"`
		consent.Event
	} `json:"ledger"`
	Decisions []Decision `json:"decisions"`
}

// Load reads every case below a folder, from <area>/<sentence>/decisions.yaml with case.yaml beside it. Arrange, which may be nil, is
// shown the objects of each case before they are compiled.
func Load(fsys fs.FS, arrange func(*translate.Objects)) ([]Case, error) {
	folders, err := fs.Glob(fsys, "*/*/decisions.yaml")
	if err != nil {
		return nil, err
	}
	var out []Case
	for _, f := range folders {
		c, err := load(fsys, path.Dir(f), arrange)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		out = append(out, c)
	}
	return out, nil
}

func load(fsys fs.FS, dir string, arrange func(*translate.Objects)) (Case, error) {
	c := Case{Name: strings.ReplaceAll(dir, "-", " "), People: map[string]*consent.Record{}}
	var f file
	for _, name := range []string{"case.yaml", "decisions.yaml"} {
		data, err := fs.ReadFile(fsys, path.Join(dir, name))
		if err != nil {
			return c, err
		}
		if err := yaml.UnmarshalStrict(data, &f); err != nil {
			return c, fmt.Errorf("%s: %w", name, err)
		}
	}
	var inputs []string
	for _, u := range f.Uses {
		inputs = append(inputs, path.Join("bases", u+".yaml"))
	}
	if _, err := fs.Stat(fsys, path.Join(dir, "input.yaml")); err == nil {
		inputs = append(inputs, path.Join(dir, "input.yaml"))
	}
	o, err := manifest.ReadFiles(fsys, inputs...)
	if err != nil {
		return c, err
	}
	c.Why, c.Workload, c.Decisions = f.Why, f.Workload, f.Decisions
	if arrange != nil {
		arrange(&o)
	}
	c.Result = compile.Compile(translate.Snapshot(o))
	for i, e := range f.Ledger {
		e.Position = consent.Position(i + 1)
		if c.People[e.Person] == nil {
			c.People[e.Person] = &consent.Record{}
		}
		c.People[e.Person].Apply(e.Event)
	}
	for i := range c.Decisions {
		if c.Decisions[i].Request.Port == 0 {
			c.Decisions[i].Request.Port = 80
		}
	}
	return c, nil
}

// Bundle is that of the case's workload.
func (c Case) Bundle() (compile.Bundle, error) {
	i := slices.IndexFunc(c.Result.Bundles, func(b compile.Bundle) bool { return b.Workload.ID() == c.Workload })
	if i < 0 {
		return compile.Bundle{}, fmt.Errorf("there is no bundle for the workload %q: it is not among the objects, or its namespace does not carry the label %s",
			c.Workload, v1alpha1.LabelMode)
	}
	return c.Result.Bundles[i], nil
}

// Fact is what the ledger of the case knows about a person.
func (c Case) Fact(address string, purpose consent.PurposeID, t time.Time) consent.Fact {
	r := c.People[address]
	if r == nil {
		return consent.Fact{}
	}
	return consent.Project(r, purpose, t)
}
