package cli

import (
	"fmt"
	"io/fs"
	"regexp"

	"github.com/optup/optup/internal/scenario"
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
	cases, err := scenario.Load(folder, nil)
	if err != nil {
		return nil, err
	}
	var out []Tested
	for _, c := range cases {
		outcomes, err := c.Run()
		if err != nil {
			if matches(only, c.Name) {
				out = append(out, Tested{Case: c.Name, Differences: []string{err.Error()}, Why: c.Why})
			}
			continue
		}
		for _, o := range outcomes {
			if matches(only, c.Name+"/"+o.Decision.Name) {
				out = append(out, Tested{Case: c.Name, Decision: o.Decision.Name, Passed: len(o.Differences) == 0, Differences: o.Differences, Why: c.Why})
			}
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case len(cases) > 0:
		return nil, fmt.Errorf("none of the %d cases has a decision that is to be tested", len(cases))
	default:
		return nil, fmt.Errorf("no case was found: a case is a folder <area>/<sentence> with case.yaml and decisions.yaml")
	}
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
