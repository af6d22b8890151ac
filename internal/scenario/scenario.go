package scenario

import (
	"fmt"
	"slices"
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
	// Folder is where the case is.
	Folder string
	Why    string
	// Objects are those that the case uses and its own, Sources where they stand; Result is what they compile to.
	Objects  translate.Objects
	Sources  manifest.Sources
	Result   compile.Result
	Workload string
	// Ledger is what happened, in its order.
	Ledger    []Entry
	Decisions []Decision
	// File holds the ledger; see Line.
	File  string
	lines []int
}

// Entry is one event about one person.
type Entry struct {
	Person Person `json:"person"`
	// With is the other identifier of events that link two, and that end a link.
	With *Person `json:"with,omitempty"`
	consent.Event
}

// Decision is one request and what has to become of it.
type Decision struct {
	Name    string  `json:"name"`
	Request Request `json:"request"`
	// Answer is what the service would answer; nil for nothing. AnswerStatus is its status, 0 for one of success.
	Answer       any `json:"answer,omitempty"`
	AnswerStatus int `json:"answerStatus,omitempty"`
	// Now is the ledger's time at the decision, zero for that of the package. What happened later is not known yet.
	Now time.Time `json:"now,omitzero"`
	// Age of the facts: "never", a duration, or empty for fresh ones.
	Age    string `json:"age,omitempty"`
	Expect Expect `json:"expect"`
}

// Request is what an application sends.
type Request struct {
	Method string `json:"method"`
	Host   string `json:"host"`
	Port   int    `json:"port,omitempty"`
	// Path as it is written in the request, with its query.
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    any               `json:"body,omitempty"`
}

// Expect is what has to become of a request. Bodies are only compared where they are given; a Forwarded or Returned of null stands for
// nothing that is sent or that comes back.
type Expect struct {
	Effect  decide.Effect     `json:"effect"`
	Purpose consent.PurposeID `json:"purpose,omitempty"`
	Reasons []decide.Reason   `json:"reasons,omitempty"`
	// People are the reasons about each person: in the path, in the query, in the body, and in the answer of a request that was sent.
	People      []decide.Reason     `json:"people,omitempty"`
	Obligations []decide.Obligation `json:"obligations,omitempty"`
	Forwarded   Body                `json:"forwarded,omitzero"`
	// ForwardedAll are the bodies of a request that is sent in groups, in their order.
	ForwardedAll Body `json:"forwardedAll,omitzero"`
	Returned     Body `json:"returned,omitzero"`
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

// Now is the moment of every decision that names none.
var Now = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

// At is the ledger's time at the decision.
func (d Decision) At() time.Time {
	if d.Now.IsZero() {
		return Now
	}
	return d.Now
}

// Moment is the moment of one decision.
func (d Decision) Moment() (decide.Now, error) {
	switch d.Age {
	case "never":
		return decide.Never, nil
	case "":
		return decide.Now{Ledger: d.At()}, nil
	}
	age, err := time.ParseDuration(d.Age)
	return decide.Now{Ledger: d.At(), Age: age}, err
}

// Governed tells whether the case's workload has a bundle.
func (c Case) Governed() bool { return c.workload() >= 0 }

func (c Case) workload() int {
	return slices.IndexFunc(c.Result.Bundles, func(b compile.Bundle) bool { return b.Workload.ID() == c.Workload })
}

// Bundle is that of the case's workload.
func (c Case) Bundle() (compile.Bundle, error) {
	i := c.workload()
	if i < 0 {
		return compile.Bundle{}, fmt.Errorf("there is no bundle for the workload %q: it is not among the objects, or its namespace does not carry the label %s",
			c.Workload, v1alpha1.LabelMode)
	}
	return c.Result.Bundles[i], nil
}
