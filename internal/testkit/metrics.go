package testkit

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	descName   = regexp.MustCompile(`fqName: "([^"]+)"`)
	metricName = regexp.MustCompile(`\b(optup_[a-z0-9_]+|controller_runtime_[a-z0-9_]+|workqueue_[a-z0-9_]+|rest_client_[a-z0-9_]+)\b`)
)

// Described gives the names that a registry of Prometheus's library exports.
func Described(r prometheus.Collector) (names []string) {
	ch := make(chan *prometheus.Desc, 1024)
	go func() { r.Describe(ch); close(ch) }()
	for d := range ch {
		names = append(names, descName.FindStringSubmatch(d.String())[1])
	}
	return names
}

// Charted checks that every metric with one of the prefixes that the chart's dashboard and alerts name is one that is exported, and that
// they name some.
func Charted(t *testing.T, chart string, exported []string, prefixes ...string) {
	t.Helper()
	found := 0
	for _, file := range []string{"files/dashboard.json", "files/alerts.yaml"} {
		text, err := os.ReadFile(chart + "/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range metricName.FindAllString(string(text), -1) {
			if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
				continue
			}
			found++
			base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
			if !slices.Contains(exported, name) && !slices.Contains(exported, base) {
				t.Errorf("%s names %s, which nothing exports", file, name)
			}
		}
	}
	if found == 0 {
		t.Errorf("nothing with the prefixes %v is charted", prefixes)
	}
}
