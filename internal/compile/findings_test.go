package compile

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/policy"
)

// expected is what a change of the sound snapshot is found to do.
type expected struct {
	change   func(*policy.Snapshot)
	resource policy.Ref
	field    string
	code     Code
	severity Severity
	// says is a part of the sentence.
	says string
}

// check compiles each change and looks for the finding. Changes alter lists in place, so each gets a snapshot of its own.
func check(t *testing.T, tests map[string]expected) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := sound()
			tt.change(&s)
			findings := Compile(s).Findings
			i := slices.IndexFunc(findings, func(f Finding) bool {
				return f.Resource == tt.resource && f.Field == tt.field && f.Code == tt.code && f.Severity == tt.severity && strings.Contains(f.Message, tt.says)
			})
			if i < 0 {
				t.Errorf("want %s %s %s %s with %q, got:", tt.severity, tt.resource, tt.field, tt.code, tt.says)
				for _, f := range findings {
					t.Errorf("  %s %s %s %s: %s", f.Severity, f.Resource, f.Field, f.Code, f.Message)
				}
				return
			}
			if m := findings[i].Message; !strings.HasSuffix(m, ".") || strings.Contains(m, "%!") || strings.Contains(m, "\n") {
				t.Errorf("no sentence: %s", m)
			}
			tested[tt.code] = true
		})
	}
}

// tested are the codes that some test has found.
var tested = map[Code]bool{}

func at(day string) func(*policy.Snapshot) {
	return func(s *policy.Snapshot) {
		s.On, _ = time.Parse(time.DateOnly, day)
	}
}

func together(a, b func(*policy.Snapshot)) func(*policy.Snapshot) {
	return func(s *policy.Snapshot) { a(s); b(s) }
}

func TestFieldsAreOrderedAsPeopleReadThem(t *testing.T) {
	want := []string{"spec", "spec.rules[2].purpose", "spec.rules[2].when[0]", "spec.rules[10].purpose", "spec.x"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, compareFields)
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
