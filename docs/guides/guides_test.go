// Package guides holds the pages of this folder to the scenarios that they show.
package guides

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pages are the guides whose manifests are scenarios, with their folders in the corpus.
var pages = map[string]string{
	"newsletter.md":  "a-newsletter-goes-to-those-who-confirmed-their-mailbox",
	"opt-up.md":      "opens-and-clicks-are-tracked-for-those-who-agreed-to-it-and-to-their-device",
	"retargeting.md": "an-audience-upload-holds-those-who-agreed-to-the-network-by-name",
}

const corpus = "../../test/corpus/guides"

var example = regexp.MustCompile("(?s)```yaml\n(.*?)```\n")

// documents gives the documents of YAML text, without blank lines around them.
func documents(text string) []string {
	var out []string
	for _, d := range strings.Split("\n"+text, "\n---\n") {
		out = append(out, strings.Trim(d, "\n"))
	}
	return out
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPagesShowTheirScenarios: every manifest of a page is an object of its scenario word for word, and no object of OptUp in a
// scenario is left out by all pages.
func TestPagesShowTheirScenarios(t *testing.T) {
	shown := map[string]bool{}
	for page, folder := range pages {
		text := read(t, page)
		if !strings.Contains(text, "test/corpus/guides/"+folder) {
			t.Errorf("%s does not name its scenario", page)
		}
		objects := documents(read(t, filepath.Join(corpus, folder, "input.yaml")))
		examples := example.FindAllStringSubmatch(text, -1)
		if len(examples) == 0 {
			t.Errorf("%s shows no manifest", page)
		}
		for _, e := range examples {
			for _, d := range documents(e[1]) {
				shown[d] = true
				if !slices.Contains(objects, d) {
					t.Errorf("%s shows what is no object of its scenario:\n%s", page, d)
				}
			}
		}
	}
	for _, folder := range pages {
		for _, d := range documents(read(t, filepath.Join(corpus, folder, "input.yaml"))) {
			if strings.Contains(d, "apiVersion: consent.optup.dev/") && !shown[d] {
				t.Errorf("no page shows this object of %s:\n%s", folder, d)
			}
		}
	}
}

func TestEveryScenarioHasItsPage(t *testing.T) {
	folders, err := filepath.Glob(corpus + "/*")
	if err != nil || len(folders) != len(pages) {
		t.Fatalf("%d scenarios, %d pages, %v", len(folders), len(pages), err)
	}
}

// TestResourcesAreShort: whoever reads a resource sees it on one screen.
func TestResourcesAreShort(t *testing.T) {
	for _, folder := range pages {
		for _, d := range documents(read(t, filepath.Join(corpus, folder, "input.yaml"))) {
			if n := strings.Count(d, "\n") + 1; n >= 60 {
				t.Errorf("%s: a resource of %d lines:\n%s", folder, n, d)
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#]+)`)

func TestLinksLead(t *testing.T) {
	all, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range all {
		for _, l := range link.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(l[1], "://") {
				continue
			}
			if _, err := os.Stat(l[1]); err != nil {
				t.Errorf("%s links to %s, which is not there", page, l[1])
			}
		}
	}
}
