package scenario_test

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

// sentence has at least five words of lower-case letters; tables of cases are read by people.
var sentence = regexp.MustCompile(`^[a-z]+(-[a-z]+){4,}$`)

// unfinished are words that no sentence ends with.
var unfinished = regexp.MustCompile(`-(a|an|the|and|or|of|to|for|with|by|in|on|is|are|that|which)$`)

// source is a rule of the corpus, or a statute.
var source = regexp.MustCompile(`\b(Rules? (\d+)(?: and (\d+))?|GDPR|UWG|TDDDG)\b`)

func TestEveryCaseIsASentenceOfItsOwn(t *testing.T) {
	all := cases(t)
	if len(all) < 80 {
		t.Errorf("only %d cases", len(all))
	}
	seen := map[string]string{}
	rules := map[string]bool{}
	for _, c := range all {
		name := path.Base(c.Folder)
		if !sentence.MatchString(name) || unfinished.MatchString(name) {
			t.Errorf("%s: %q is no sentence", c.Folder, name)
		}
		if other := seen[name]; other != "" {
			t.Errorf("%s has the name of %s", c.Folder, other)
		}
		seen[name] = c.Folder
		if c.Why == "" || strings.Contains(c.Why, "\n") || !source.MatchString(c.Why) {
			t.Errorf("%s: why has to name the rule or the statute in one line: %q", c.Folder, c.Why)
		}
		for _, m := range source.FindAllStringSubmatch(c.Why, -1) {
			rules[m[2]], rules[m[3]] = true, true
		}
		decisions := map[string]bool{}
		for _, d := range c.Decisions {
			if d.Name == "" || decisions[d.Name] {
				t.Errorf("%s: a decision named %q, or two of them", c.Folder, d.Name)
			}
			decisions[d.Name] = true
		}
		if len(c.Decisions) == 0 {
			t.Errorf("%s: decides nothing", c.Folder)
		}
	}
	for _, rule := range strings.Fields("1 2 3 4 5 6 7 8 9 10 11 12 13 14") {
		if !rules[rule] {
			t.Errorf("no case is about rule %s of test/corpus/README.md", rule)
		}
	}
}
