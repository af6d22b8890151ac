package compile

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/optup/optup/internal/policy"
)

// findings collects; the same finding met on several ways is one.
type findings struct{ list []Finding }

func (f *findings) error(r policy.Ref, field string, code Code, format string, args ...any) {
	f.list = append(f.list, Finding{Resource: r, Field: field, Code: code, Severity: Error, Message: fmt.Sprintf(format, args...)})
}

func (f *findings) warn(r policy.Ref, field string, code Code, format string, args ...any) {
	f.list = append(f.list, Finding{Resource: r, Field: field, Code: code, Severity: Warning, Message: fmt.Sprintf(format, args...)})
}

func (f *findings) sorted() []Finding {
	slices.SortFunc(f.list, compareFindings)
	return slices.Compact(f.list)
}

func compareFindings(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.Resource.Kind, b.Resource.Kind), cmp.Compare(a.Resource.Namespace, b.Resource.Namespace),
		cmp.Compare(a.Resource.Name, b.Resource.Name), compareFields(a.Field, b.Field), cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Message, b.Message))
}

// compareFields orders paths as people read them: rules[2] comes before rules[10].
func compareFields(a, b string) int {
	for a != "" && b != "" {
		x, restA := head(a)
		y, restB := head(b)
		if x != y {
			if digit(x[0]) && digit(y[0]) {
				return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
			}
			return cmp.Compare(x, y)
		}
		a, b = restA, restB
	}
	return cmp.Compare(a, b)
}

// head cuts off a number, or what comes before one.
func head(s string) (first, rest string) {
	i := 1
	for i < len(s) && digit(s[i]) == digit(s[0]) {
		i++
	}
	return s[:i], s[i:]
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// distinct sorts objects and keeps one of each name, which does not depend on the order of the input. Twice is called for the others.
func distinct[T any](in []T, compare func(a, b T) int, twice func(T)) []T {
	out := slices.Clone(in)
	slices.SortStableFunc(out, compare)
	for i := 0; i < len(out); {
		end := i + 1
		for end < len(out) && compare(out[i], out[end]) == 0 {
			end++
		}
		if end-i > 1 {
			same := out[i:end]
			slices.SortStableFunc(same, func(a, b T) int { return cmp.Compare(textOf(a), textOf(b)) })
			for _, x := range same[1:] {
				twice(x)
			}
			out = slices.Delete(out, i+1, end)
		}
		i++
	}
	return out
}

func textOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}

// quoted lists texts for a sentence: "a", "b" or "c".
func quoted[T ~string](in []T, last string) string {
	var b strings.Builder
	for i, x := range in {
		switch {
		case i == 0:
		case i == len(in)-1:
			b.WriteString(" " + last + " ")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", string(x))
	}
	return b.String()
}
