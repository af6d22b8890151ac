package cli

import (
	"encoding/xml"
	"io"
	"strings"
)

// The elements of JUnit XML that continuous integration reads.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes what was tested as JUnit XML: a suite for each case, a test for each decision.
func WriteJUnit(w io.Writer, all []Tested) error {
	out := junitSuites{Name: "optup test", Tests: len(all), Failures: TestsFailed(all)}
	for _, t := range all {
		if n := len(out.Suites); n == 0 || out.Suites[n-1].Name != t.Case {
			out.Suites = append(out.Suites, junitSuite{Name: t.Case})
		}
		s := &out.Suites[len(out.Suites)-1]
		one := junitCase{Name: t.title(), Class: t.Case}
		if s.Tests++; !t.Passed {
			s.Failures++
			one.Failure = &junitFailure{Message: strings.Join(t.Differences[:min(1, len(t.Differences))], ""), Text: strings.Join(t.Differences, "\n")}
			if t.Why != "" {
				one.Failure.Text += "\nexpected because: " + t.Why
			}
		}
		s.Cases = append(s.Cases, one)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// title is the sentence of a decision.
func (t Tested) title() string {
	if t.Decision == "" {
		return "the case cannot be run"
	}
	return t.Decision
}
