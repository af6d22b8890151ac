package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// recorder stands in for the test that calls Golden, so that its failures can be looked at.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestGolden(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "answer.golden.json")
	golden := func(update, got string) []string {
		t.Setenv(updateVariable, update)
		r := &recorder{TB: t}
		Golden(r, path, []byte(got))
		return r.errors
	}

	if errs := golden("", "a\nb\n"); len(errs) != 1 || !strings.Contains(errs[0], "does not exist") {
		t.Errorf("a missing golden file must fail the test, got %q", errs)
	}
	if errs := golden("1", "a\nb\n"); len(errs) != 0 {
		t.Errorf("updating must pass, got %q", errs)
	}
	if written, err := os.ReadFile(path); err != nil || string(written) != "a\nb\n" {
		t.Errorf("updating must write the file, got %q, %v", written, err)
	}
	if errs := golden("", "a\nb\n"); len(errs) != 0 {
		t.Errorf("the same bytes must pass, got %q", errs)
	}
	if errs := golden("", "a\nc\n"); len(errs) != 1 || !strings.Contains(errs[0], "b") || !strings.Contains(errs[0], "c") {
		t.Errorf("other bytes must fail with a diff, got %q", errs)
	}
}

func TestClock(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	clock := NewClock(start)
	if got := clock.Now(); !got.Equal(start) {
		t.Errorf("a new clock stands at its start, got %v", got)
	}
	if got := clock.Advance(time.Hour); !got.Equal(start.Add(time.Hour)) || !clock.Now().Equal(got) {
		t.Errorf("Advance moves the clock, got %v", got)
	}
	clock.Set(start)
	if got := clock.Now(); !got.Equal(start) {
		t.Errorf("Set puts the clock, got %v", got)
	}
}
