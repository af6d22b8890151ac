package cli

import (
	"bytes"
	"encoding/xml"
	"os"
	"strings"
	"testing"
)

var tested = []Tested{
	{Case: "a/one", Decision: "goes", Passed: true},
	{Case: "a/one", Decision: "stops <here> & now", Differences: []string{`effect is "permit", expected "deny"`, "second"}, Why: "GDPR Art. 7"},
	{Case: "a/two", Differences: []string{"there is no bundle"}},
}

func TestJUnit(t *testing.T) {
	var out bytes.Buffer
	if err := WriteJUnit(&out, tested); err != nil {
		t.Fatal(err)
	}
	var got junitSuites
	if err := xml.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	switch {
	case got.Tests != 3, got.Failures != 2, len(got.Suites) != 2, got.Suites[0].Tests != 2, got.Suites[0].Failures != 1:
		t.Errorf("%+v", got)
	case got.Suites[0].Cases[0].Failure != nil, got.Suites[0].Cases[1].Name != "stops <here> & now", got.Suites[0].Cases[1].Class != "a/one":
		t.Errorf("%+v", got.Suites[0])
	case got.Suites[0].Cases[1].Failure.Message != `effect is "permit", expected "deny"`, !strings.Contains(got.Suites[0].Cases[1].Failure.Text, "second\nexpected because: GDPR Art. 7"):
		t.Errorf("%+v", got.Suites[0].Cases[1].Failure)
	case got.Suites[1].Cases[0].Name != "the case cannot be run":
		t.Errorf("%+v", got.Suites[1])
	}
}

func TestQuietLeavesOutWhatPassed(t *testing.T) {
	var out bytes.Buffer
	if err := PrintTested(&out, tested, true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "goes") || !strings.Contains(out.String(), "FAIL  stops") || !strings.HasSuffix(out.String(), "3 decisions of 2 cases: 1 passed, 2 failed\n") {
		t.Error(out.String())
	}
}

func TestColors(t *testing.T) {
	terminal, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = terminal.Close() }()
	none := func(string) string { return "" }
	for name, tt := range map[string]struct {
		mode string
		want bool
	}{"always": {"always", true}, "never": {"never", false}, "a file that is no terminal": {"auto", false}} {
		w, err := Colors(terminal, tt.mode, none)
		if err != nil || strings.Contains(paint(w, Bad, "x"), "\x1b[") != tt.want {
			t.Errorf("%s: %q, %v", name, paint(w, Bad, "x"), err)
		}
	}
	for name, tt := range map[string]struct {
		terminal bool
		key, no  string
		want     bool
	}{
		"a terminal": {true, "", "", true}, "no terminal": {false, "", "", false},
		"a terminal, and NO_COLOR": {true, "NO_COLOR", "1", false}, "a dumb terminal": {true, "TERM", "dumb", false},
	} {
		got := shown(tt.terminal, func(key string) string {
			if key == tt.key {
				return tt.no
			}
			return ""
		})
		if got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if _, err := Colors(terminal, "sometimes", none); err == nil {
		t.Error("a mode that is none is taken")
	}
	var out bytes.Buffer
	w, err := Colors(&out, "always", none)
	if err != nil {
		t.Fatal(err)
	}
	if err := PrintTested(w, tested, false); err != nil || !strings.Contains(out.String(), "\x1b[31mFAIL\x1b[0m") {
		t.Errorf("%q, %v", out.String(), err)
	}
}
