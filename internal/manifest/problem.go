package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/optup/optup/internal/policy"
)

// Position is a place in a file. Lines and columns count from 1; a line of 0 means the file as a whole.
type Position struct {
	File   string
	Line   int
	Column int
}

// String gives "file:line:column", as editors and terminals understand it.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Compare orders positions by file, line and column.
func (p Position) Compare(q Position) int {
	return cmp.Or(strings.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// Problem is one thing that cannot be read as it is meant.
type Problem struct {
	Position
	// Resource is the zero value where the object is not known, for example because the YAML is broken.
	Resource policy.Ref
	// Field is the path of the member, for example "spec.rules[0].purpose"; empty for the object as a whole.
	Field   string
	Message string
}

// String gives one line.
func (p Problem) String() string {
	parts := []string{p.Position.String()}
	if p.Resource != (policy.Ref{}) {
		parts = append(parts, strings.TrimSpace(p.Resource.String()))
	}
	if p.Field != "" {
		parts = append(parts, p.Field)
	}
	return strings.Join(append(parts, p.Message), ": ")
}

// Problems are an error if there are any; see Err.
type Problems []Problem

// maxShown is how many problems an error spells out.
const maxShown = 20

// Error gives one line for each problem.
func (p Problems) Error() string {
	var lines []string
	for _, one := range p[:min(len(p), maxShown)] {
		lines = append(lines, one.String())
	}
	if len(p) > maxShown {
		lines = append(lines, fmt.Sprintf("and %d more", len(p)-maxShown))
	}
	return strings.Join(lines, "\n")
}

// Err is nil if there is no problem.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

func (p Problems) sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(a.Compare(b.Position), strings.Compare(a.Field, b.Field), strings.Compare(a.Message, b.Message))
	})
}
