// Package manifests_test holds the manifests of the demo to what the shop really sends and shows, and to what the shop knows to be
// true about its people. It needs no cluster.
package manifests_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/manifest"
	"github.com/optup/optup/internal/shop"
	"github.com/optup/optup/internal/translate"
)

const (
	seed   = 1
	people = 2000
)

// compiled gives the bundles of the demo with its marketing namespace under governance, by workload.
func compiled(t *testing.T) map[string]*decide.Index {
	t.Helper()
	objects, err := manifest.ReadFolder(os.DirFS("."), ".")
	if err != nil {
		t.Fatal(err)
	}
	for i := range objects.Namespaces {
		if n := &objects.Namespaces[i]; n.Labels[v1alpha1.LabelMode] != "" {
			t.Errorf("namespace %s is governed from the start", n.Name)
		} else if n.Name == "marketing" {
			n.Labels = map[string]string{v1alpha1.LabelMode: v1alpha1.LabelModeEnforce}
		}
	}
	result := compile.Compile(translate.Snapshot(objects))
	for _, f := range result.Findings {
		t.Errorf("%s %s: %s", f.Resource, f.Field, f.Message)
	}
	out := map[string]*decide.Index{}
	for _, b := range result.Bundles {
		out[b.Workload.ID()] = decide.NewIndex(b.Bundle)
	}
	return out
}

func list() []shop.Addressee {
	var out []shop.Addressee
	for _, c := range shop.People(seed, people) {
		out = append(out, shop.Addressee{Email: c.Email, ID: c.ID})
	}
	return out
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

func TestTheNewsletterReachesExactlyThoseWhoMayGetIt(t *testing.T) {
	esp := shop.NewESP()
	s, url := between(t, "Job/campaign", "https://api.brieftaube.example", imported(t), esp.Handler())
	sum := shop.Campaign(url, 0).Run(t.Context(), list())
	if sum.Accepted != sum.Requests || s.undeclared.Load() > 0 {
		t.Errorf("%+v, with %d undeclared values", sum, s.undeclared.Load())
	}
	got, want := esp.People(shop.TemplateNewsletter), sorted(shop.Truth(seed, people).Newsletter)
	if !slices.Equal(got, want) {
		t.Errorf("it reached %d people, and %d may get it", len(got), len(want))
	}
}

func TestAnInvoiceReachesEverybodyEvenFromAnEmptyLedger(t *testing.T) {
	for name, records := range map[string]map[string]*consent.Record{"the export": imported(t), "an empty ledger": {}} {
		esp := shop.NewESP()
		s, url := between(t, "Job/invoice", "https://api.brieftaube.example", records, esp.Handler())
		sum := shop.Invoices(url, 0).Run(t.Context(), list()[:200])
		if sum.Accepted != 200 || len(esp.People(shop.TemplateInvoice)) != 200 || s.undeclared.Load() > 0 {
			t.Errorf("with %s: %+v, with %d undeclared values", name, sum, s.undeclared.Load())
		}
	}
}

func TestAProgramMaySendOnlyWhatItIsThereFor(t *testing.T) {
	for workload, sending := range map[string]func(string, time.Duration) shop.Sending{"Job/campaign": shop.Invoices, "Job/invoice": shop.Campaign} {
		esp := shop.NewESP()
		_, url := between(t, workload, "https://api.brieftaube.example", imported(t), esp.Handler())
		sum := sending(url, 0).Run(t.Context(), list()[:10])
		if sum.Denied != sum.Requests || len(esp.Stats().Templates) > 0 {
			t.Errorf("%s: %+v", workload, sum)
		}
	}
}

func TestTheDashboardShowsExactlyThoseWhomItMayAndNoMoreOfThemThanNeeded(t *testing.T) {
	_, url := between(t, "Deployment/dashboard", "http://customers.crm", imported(t), shop.NewCRM(seed, people).Handler())
	d := shop.NewDashboard(url, time.Second)
	d.Round(t.Context())
	s, want := d.Stats(), shop.Truth(seed, people).ProfileView
	if s.Rounds != 1 || s.People != len(want) {
		t.Errorf("%+v, and %d may be shown", s, len(want))
	}
	n := len(want)
	if fields := map[string]int{"id": n, "email": n, "name": n, "orders": n}; !maps.Equal(s.Fields, fields) {
		t.Errorf("it saw the fields %v, want %v", s.Fields, fields)
	}
}

// TestWorkloadsAreHardened: the demo's programs need no privilege, so that none of them can get around its sidecar.
func TestWorkloadsAreHardened(t *testing.T) {
	files, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	workloads := 0
	for _, name := range files {
		text, err := os.ReadFile(name) //nolint:gosec // a file of this folder
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range strings.Split(string(text), "\n---\n") {
			var w map[string]any
			if err := yaml.Unmarshal([]byte(doc), &w); err != nil {
				t.Fatal(err)
			}
			if kind := w["kind"]; kind != "Deployment" && kind != "Job" {
				continue
			}
			workloads++
			for _, line := range []string{
				"runAsNonRoot: true", "runAsUser: 65532", "readOnlyRootFilesystem: true", "allowPrivilegeEscalation: false",
				"drop: [ALL]", "automountServiceAccountToken: false", "requests: {cpu: 10m, memory: 32Mi}",
			} {
				if !strings.Contains(doc, line) {
					t.Errorf("%s lacks %q", name, line)
				}
			}
			if strings.Contains(doc, "optup.dev") {
				t.Errorf("%s knows of OptUp", name)
			}
		}
	}
	if workloads != 7 {
		t.Errorf("found %d workloads", workloads)
	}
}
