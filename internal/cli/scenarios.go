package cli

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"sync"

	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/explain"
	"github.com/optup/optup/internal/scenario"
	"github.com/optup/optup/internal/translate"
)

// Tested is what came of one decision of a folder.
type Tested struct {
	// Case is "area/sentence", Decision the sentence about one request. Decision is empty for what is wrong with the case as a whole.
	Case     string `json:"case"`
	Decision string `json:"decision,omitempty"`
	Passed   bool   `json:"passed"`
	// Differences are sentences about what is not as expected; Why is the reason that the case gives for expecting it.
	Differences []string `json:"differences,omitempty"`
	Why         string   `json:"why,omitempty"`
}

// Test runs the decisions of a folder (see package scenario). Only limits them to names "area/sentence/decision" that match; nil
// for all. A folder in which nothing is tested is an error: nobody should take it for a success.
func Test(folder fs.FS, only *regexp.Regexp) ([]Tested, error) {
	cases, err := scenario.Read(folder)
	if err != nil {
		return nil, err
	}
	results := make([][]Tested, len(cases))
	each(len(cases), func(i int) { results[i] = testCase(cases[i], only) })
	var out []Tested
	for _, r := range results {
		out = append(out, r...)
	}
	if len(out) == 0 {
		return nil, nothing(len(cases))
	}
	return out, nil
}

// nothing says why no decision was made.
func nothing(cases int) error {
	if cases > 0 {
		return fmt.Errorf("none of the %d cases has a decision that is asked for", cases)
	}
	return fmt.Errorf("no case was found: a case is a folder <area>/<sentence> with case.yaml and decisions.yaml")
}

// each calls do for 0 to n-1, as many at once as there are processors.
func each(n int, do func(int)) {
	var all sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}

func testCase(c scenario.Case, only *regexp.Regexp) []Tested {
	if !asked(c, only) {
		return nil
	}
	c.Result = compile.Compile(translate.Snapshot(c.Objects))
	outcomes, err := c.Run()
	if err != nil {
		return []Tested{{Case: c.Name, Differences: []string{err.Error()}, Why: c.Why}}
	}
	var out []Tested
	for _, o := range outcomes {
		if matches(only, c.Name+"/"+o.Decision.Name) {
			out = append(out, Tested{Case: c.Name, Decision: o.Decision.Name, Passed: len(o.Differences) == 0, Differences: o.Differences, Why: c.Why})
		}
	}
	return out
}

func matches(only *regexp.Regexp, name string) bool { return only == nil || only.MatchString(name) }

// TestsFailed counts what did not pass.
func TestsFailed(all []Tested) int {
	n := 0
	for _, t := range all {
		if !t.Passed {
			n++
		}
	}
	return n
}

// ExplainCases explains decisions of a folder (see Test). Only has to match one of them at least.
func ExplainCases(folder string, only *regexp.Regexp) ([]explain.Explanation, error) {
	cases, err := scenario.Read(os.DirFS(folder))
	if err != nil {
		return nil, err
	}
	var out []explain.Explanation
	for _, c := range cases {
		if !asked(c, only) {
			continue
		}
		c.Result = compile.Compile(translate.Snapshot(c.Objects))
		for _, d := range c.Decisions {
			if !matches(only, c.Name+"/"+d.Name) {
				continue
			}
			e, err := explain.Explain(c, d)
			if err != nil {
				return nil, fmt.Errorf("%s/%s: %w", c.Name, d.Name, err)
			}
			out = append(out, e.Below(folder))
		}
	}
	if len(out) == 0 {
		return nil, nothing(len(cases))
	}
	return out, nil
}

// asked tells whether some decision of a case is asked for.
func asked(c scenario.Case, only *regexp.Regexp) bool {
	if matches(only, c.Name) {
		return true
	}
	for _, d := range c.Decisions {
		if matches(only, c.Name+"/"+d.Name) {
			return true
		}
	}
	return false
}
