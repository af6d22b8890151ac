package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/explain"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/manifest"
	"github.com/optup/optup/internal/scenario"
	"github.com/optup/optup/internal/translate"
)

// AskOptions say what to decide about: one request of one workload, and what the ledger has seen.
type AskOptions struct {
	CompileOptions
	// Request is a file with a decision in the form of decisions.yaml: request, and where they apply answer, age and now. If it is
	// empty, Method, URL, Headers ("Name: value") and Body (a file, "-" for Input) describe the request.
	Request   string
	Method    string
	URL       string
	Headers   []string
	Body      string
	Ledger    string // file with a list of events in the form of decisions.yaml; empty if nobody is known
	At        string // the ledger's time at the decision; empty for now, or what Request says
	Clock     func() time.Time
	takenFrom map[string]bool
}

// Said is a reason in words.
type Said struct {
	Code decide.Reason `json:"code"`
	Says string        `json:"says"`
	Law  string        `json:"law,omitempty"`
}

// Decided is what becomes of one request.
type Decided struct {
	Request     string              `json:"request"`
	Workload    string              `json:"workload"`
	Effect      decide.Effect       `json:"effect"`
	Mode        ir.Mode             `json:"mode"`
	Purpose     consent.PurposeID   `json:"purpose,omitempty"`
	Reasons     []Said              `json:"reasons"`
	People      []Said              `json:"people,omitempty"`
	Obligations []decide.Obligation `json:"obligations,omitempty"`
	// Sent is how many requests reach the service; Forwarded is the body that does, a list where there are several, and Returned what comes
	// back.
	Sent      int       `json:"sent"`
	Forwarded any       `json:"forwarded,omitempty"`
	Returned  any       `json:"returned,omitempty"`
	Findings  []Finding `json:"findings,omitempty"`
}

// Decide decides one request as the sidecar of a workload would, without a cluster.
func Decide(o AskOptions) (Decided, error) {
	e, findings, err := Explain(o)
	if err != nil {
		return Decided{}, err
	}
	out := Decided{
		Request: e.Request, Workload: e.Workload, Effect: e.Effect, Mode: e.Mode, Purpose: e.Purpose, Reasons: inWords(e.Reasons),
		Obligations: e.Obligations, Sent: e.Sent, Forwarded: e.Forwarded, Returned: e.Returned, Findings: findings,
	}
	for _, p := range e.People {
		out.People = append(out.People, inWords([]decide.Reason{p.Reason})...)
	}
	return out, nil
}

func inWords(reasons []decide.Reason) []Said {
	out := []Said{}
	for _, r := range reasons {
		m := r.Meaning()
		out = append(out, Said{Code: r, Says: m.Says, Law: m.Law})
	}
	return out
}

// Explain decides one request as Decide does, and tells how that comes about.
func Explain(o AskOptions) (explain.Explanation, []Finding, error) {
	o.takenFrom = map[string]bool{"-": slices.Contains(o.Files, "-")}
	d, err := o.decision()
	if err != nil {
		return explain.Explanation{}, nil, err
	}
	read, _, err := sources{o.Files, o.Input, o.Namespace}.read()
	if err == nil {
		err = read.Problems.Err()
	}
	if err != nil {
		return explain.Explanation{}, nil, err
	}
	addTargets(&read.Objects)
	c := scenario.Case{Objects: read.Objects, Sources: read.Sources, Result: compile.Compile(translate.Snapshot(read.Objects))}
	if c.Result.Bundles, err = o.choose(c.Result.Bundles); err != nil {
		return explain.Explanation{}, nil, err
	}
	c.Workload = c.Result.Bundles[0].Workload.ID()
	if o.Ledger != "" {
		data, err := o.file(o.Ledger)
		if err == nil {
			err = c.ReadLedger(o.Ledger, data)
		}
		if err != nil {
			return explain.Explanation{}, nil, fmt.Errorf("--ledger: %w", err)
		}
	}
	if c, err = scenario.Single(c, d); err != nil {
		return explain.Explanation{}, nil, err
	}
	e, err := explain.Explain(c, c.Decisions[0])
	return e, findings(read.Sources, c.Result), err
}

func findings(from manifest.Sources, r compile.Result) []Finding {
	var out []Finding
	for _, f := range r.Findings {
		at, _ := from.At(f.Resource, f.Field)
		out = append(out, Finding{Place: placeOf(at), Resource: f.Resource.String(), Field: f.Field, Code: string(f.Code), Message: f.Message})
	}
	return out
}

// choose gives the bundle of the workload that is named, or of the only one there is.
func (o AskOptions) choose(all []compile.Bundle) ([]compile.Bundle, error) {
	var names []string
	var out []compile.Bundle
	for _, b := range all {
		if o.Namespace == "" || b.Workload.Namespace == o.Namespace {
			names = append(names, named(b.Workload.Namespace, b.Workload.ID()))
			if o.Workload == "" || b.Workload.ID() == o.Workload {
				out = append(out, b)
			}
		}
	}
	switch {
	case len(out) == 1:
		return out, nil
	case len(names) == 0:
		return nil, errors.New("the files hold no workload in a governed namespace, and no policy names one; optup compile says more")
	case len(out) > 1 && o.Workload != "":
		return nil, fmt.Errorf("%s exists in several namespaces; name one with --namespace: %s", o.Workload, strings.Join(names, ", "))
	default:
		return nil, fmt.Errorf("which workload sends the request? name it with --workload and --namespace: %s", strings.Join(names, ", "))
	}
}

// file reads a file, or standard input for "-", which can be read once.
func (o AskOptions) file(name string) ([]byte, error) {
	if name != "-" {
		return os.ReadFile(name)
	}
	if o.takenFrom["-"] {
		return nil, errors.New("standard input can be read for one thing only; give a file for the others")
	}
	o.takenFrom["-"] = true
	return io.ReadAll(o.Input)
}

// decision reads what is asked.
func (o AskOptions) decision() (scenario.Decision, error) {
	var d scenario.Decision
	var err error
	switch {
	case o.Request != "" && o.URL != "":
		return d, errors.New("give --request or --url, not both")
	case o.Request != "":
		data, err := o.file(o.Request)
		if err == nil {
			d, err = scenario.ReadDecision(data)
		}
		if err != nil {
			return d, fmt.Errorf("--request: %w", err)
		}
	case o.URL != "":
		if d.Request, err = o.describe(); err != nil {
			return d, err
		}
	default:
		return d, errors.New("what is asked? give --request FILE, or --url with --method, --header and --body")
	}
	switch {
	case o.At != "":
		if d.Now, err = time.Parse(time.RFC3339, o.At); err != nil {
			return d, errors.New("--at: give a time as 2026-03-01T12:00:00Z")
		}
	case d.Now.IsZero() && o.Clock != nil:
		d.Now = o.Clock().UTC()
	}
	if d.Request.Method == "" || d.Request.Host == "" {
		return d, errors.New("the request needs a method and a host")
	}
	return d, nil
}

func (o AskOptions) describe() (scenario.Request, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return scenario.Request{}, errors.New("--url: give an address as http://host/path")
	}
	r := scenario.Request{Method: strings.ToUpper(cmp.Or(o.Method, "GET")), Host: strings.ToLower(u.Hostname()), Port: 80, Path: cmp.Or(u.RequestURI(), "/")}
	if u.Scheme == "https" {
		r.Port = 443
	}
	if p := u.Port(); p != "" {
		if r.Port, err = strconv.Atoi(p); err != nil {
			return r, fmt.Errorf("--url: %s is no port", net.JoinHostPort("", p))
		}
	}
	for _, h := range o.Headers {
		name, value, found := strings.Cut(h, ":")
		if !found {
			return r, errors.New("--header: give a header as 'Name: value'")
		}
		if r.Headers == nil {
			r.Headers = map[string]string{}
		}
		r.Headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	if o.Body != "" {
		data, err := o.file(o.Body)
		if err != nil {
			return r, fmt.Errorf("--body: %w", err)
		}
		r.Body = bodyOf(o.Body, r, data)
	}
	return r, nil
}

// texts are the endings of files whose content is sent as it is.
var texts = []string{".csv", ".ndjson", ".jsonl", ".form", ".txt"}

// bodyOf reads a body: an object or a list in JSON or YAML is sent as JSON; everything else, and a file that is named or sent as another
// format, as it is.
func bodyOf(file string, r scenario.Request, data []byte) any {
	var v any
	if slices.Contains(texts, filepath.Ext(file)) || !enforce.Declares(ir.FormatJSON, []string{r.ContentType(ir.FormatJSON)}) || severalDocuments(data) || yaml.Unmarshal(data, &v) != nil {
		return string(data)
	}
	switch v.(type) {
	case map[string]any, []any:
		return v
	default:
		return string(data)
	}
}

// severalDocuments tells whether a JSON document is followed by something: a reader of YAML would see the first only.
func severalDocuments(data []byte) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	var first json.RawMessage
	if d.Decode(&first) != nil {
		return false
	}
	_, err := d.Token()
	return !errors.Is(err, io.EOF)
}
