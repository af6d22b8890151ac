package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/manifest"
	"github.com/optup/optup/internal/policy"
	judge "github.com/optup/optup/internal/schema"
	"github.com/optup/optup/internal/translate"
)

// LintOptions say what to check.
type LintOptions struct {
	// Files are files and folders with YAML; "-" is Input. Folders are read with all that is below them.
	Files []string
	Input io.Reader
	// Namespace is that of objects that name none; empty for "default".
	Namespace string
	// Alone checks each object by itself, and not what it refers to: where only some files of a whole are given.
	Alone bool
}

// Severity is how much a remark weighs.
type Severity string

// Severities.
const (
	// SeverityError is for what the API server would refuse, what cannot be read as it is meant, and what denies although somebody
	// meant to permit.
	SeverityError Severity = "error"
	// SeverityWarning is for what works and is most likely not meant.
	SeverityWarning Severity = "warning"
)

// Remark is one thing that is wrong, and where.
type Remark struct {
	Place
	Severity Severity `json:"severity"`
	// Resource is "Kind namespace/name"; empty where no object can be read.
	Resource string `json:"resource,omitempty"`
	// Field is the path of the member; empty for the object as a whole.
	Field string `json:"field,omitempty"`
	// Code is that of the compiler; empty for other remarks.
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

// Linted is what came of checking files.
type Linted struct {
	Files   int `json:"files"`
	Objects int `json:"objects"`
	// Errors and Warnings count the remarks.
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	// Incomplete tells that a document could not be read at all. References were then not checked: what is missing may be in it.
	Incomplete bool     `json:"incomplete"`
	Remarks    []Remark `json:"remarks"`
}

// Bad tells whether a check has failed; strictly, warnings count too.
func (l Linted) Bad(strict bool) bool { return l.Errors > 0 || strict && l.Warnings > 0 }

// Lint checks files: whether they can be read, whether the API server would take each object, and what the compiler finds in all of
// them together. The error means that a file could not be opened or read.
func Lint(ctx context.Context, o LintOptions) (Linted, error) {
	read, files, err := sources{o.Files, o.Input, o.Namespace}.read()
	if err != nil {
		return Linted{}, err
	}
	l := &linter{known: map[member]said{}}
	for _, p := range read.Problems {
		l.add(p.Position, SeverityError, p.Resource, p.Field, "", p.Message)
		l.known[member{p.Resource, p.Field}] = notRead
	}
	if err := l.judge(ctx, read.Documents, cmp.Or(o.Namespace, defaultNamespace)); err != nil {
		return Linted{}, err
	}
	if !o.Alone && read.Unread == 0 {
		l.compile(read)
	}
	out := Linted{Files: files, Objects: len(read.Documents) + len(read.Objects.Workloads), Incomplete: read.Unread > 0, Remarks: l.sorted()}
	for _, r := range out.Remarks {
		if r.Severity == SeverityError {
			out.Errors++
		} else {
			out.Warnings++
		}
	}
	return out, nil
}

type linter struct {
	remarks []Remark
	// known are the members that something was said about. Later checks say nothing more of them.
	known map[member]said
}

type member struct {
	resource policy.Ref
	field    string
}

// said is what is known of a member with a remark.
type said int

const (
	// judged stands for a value that the API server refuses.
	judged said = iota + 1
	// notRead stands for one that is not among the objects.
	notRead
)

func (l *linter) add(at manifest.Position, s Severity, resource policy.Ref, field, code, message string) {
	r := Remark{Place: placeOf(at), Severity: s, Field: field, Code: code, Message: message}
	if resource != (policy.Ref{}) {
		r.Resource = strings.TrimSpace(resource.String())
		l.known[member{resource, field}] = judged
	}
	l.remarks = append(l.remarks, r)
}

// judge adds what the API server would say of each object, several at a time.
func (l *linter) judge(ctx context.Context, documents []manifest.Document, namespace string) error {
	set := judge.Builtin()
	found := make([][]judge.Error, len(documents))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range documents {
		d := &documents[i]
		gv, err := schema.ParseGroupVersion(d.APIVersion)
		if err != nil || gv.Group != v1alpha1.GroupVersion.Group {
			continue
		}
		g.Go(func() (err error) {
			found[i], err = set.Validate(ctx, gv.WithKind(d.Ref.Kind), d.Content, namespace)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i := range documents {
		d := &documents[i]
		for _, e := range found[i] {
			if l.known[member{d.Ref, e.Field}] != notRead {
				l.add(d.At(e.Field), SeverityError, d.Ref, e.Field, "", e.Message)
			}
		}
		l.doubtful(d)
	}
	return nil
}

// doubtful adds what the API server takes and nobody is likely to mean.
func (l *linter) doubtful(d *manifest.Document) {
	if d.Replaces != nil {
		l.add(d.At("metadata.name"), SeverityWarning, d.Ref, "metadata.name", "", fmt.Sprintf("takes the place of the one at %s, which does not count", d.Replaces))
	}
	meta, _ := d.Content["metadata"].(map[string]any)
	if n, ok := meta["namespace"].(string); ok && n != "" && d.Ref.Namespace == "" {
		l.add(d.At("metadata.namespace"), SeverityWarning, d.Ref, "metadata.namespace", "", "does not count: a "+d.Ref.Kind+" stands in no namespace")
	}
}

// compile adds what the compiler finds, except about members that are wrong already.
func (l *linter) compile(read manifest.Result) {
	addTargets(&read.Objects)
	for _, f := range compile.Compile(translate.Snapshot(read.Objects)).Findings {
		if l.known[member{f.Resource, f.Field}] != 0 || l.said(f) {
			continue
		}
		at, _ := read.Sources.At(f.Resource, f.Field)
		l.add(at, severity(f), f.Resource, f.Field, string(f.Code), f.Message)
	}
}

// said tells whether the value for which the compiler refuses a whole part has a remark of its own.
func (l *linter) said(f compile.Finding) bool {
	switch f.Code {
	case compile.InvalidPurpose, compile.InvalidRule, compile.InvalidEndpoint, compile.InvalidAuthorities, compile.InvalidCredential:
	default:
		return false
	}
	for m := range l.known {
		if m.resource == f.Resource && (strings.HasPrefix(m.field, f.Field+".") || strings.HasPrefix(m.field, f.Field+"[")) {
			return true
		}
	}
	return false
}

// severity is that of the compiler.
func severity(f compile.Finding) Severity {
	if f.Severity == compile.Warning {
		return SeverityWarning
	}
	return SeverityError
}

func (l *linter) sorted() []Remark {
	slices.SortStableFunc(l.remarks, func(a, b Remark) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			strings.Compare(a.Resource, b.Resource), strings.Compare(a.Field, b.Field), strings.Compare(a.Message, b.Message))
	})
	if l.remarks == nil {
		return []Remark{} // a list in JSON, too
	}
	return slices.Compact(l.remarks)
}
