// Package samples holds the examples that docs/spec quotes to the compiler, so that no page shows what does not work.
package samples

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/manifest"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/testkit"
	"github.com/optup/optup/internal/translate"
	"github.com/optup/optup/internal/workload"
)

// published is the file with a SidecarConfig. The manager writes such objects, so nothing reads them from files.
const published = "sidecarconfig.yaml"

// listed are the files that kubectl apply -k takes.
func listed(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var k struct {
		metav1.TypeMeta `json:",inline"`
		Resources       []string `json:"resources"`
	}
	if err := yaml.UnmarshalStrict(text, &k); err != nil {
		t.Fatal(err)
	}
	return k.Resources
}

// compiled reads the listed files as strictly as the command line does, with the workloads that their policies are for.
func compiled(t *testing.T) (translate.Objects, compile.Result) {
	t.Helper()
	o, err := manifest.ReadFiles(os.DirFS("."), listed(t)...)
	if err != nil {
		t.Fatal(err)
	}
	o.Workloads = []policy.Workload{
		{Namespace: "shop-marketing", Kind: "Deployment", Name: "mailer"},
		{Namespace: "shop-marketing", Kind: "Deployment", Name: "dashboard", Labels: map[string]string{"app.kubernetes.io/name": "dashboard"}},
	}
	return o, compile.Compile(translate.Snapshot(o))
}

func TestEveryFileIsListedOrPublished(t *testing.T) {
	files, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := append(listed(t), published, "kustomization.yaml")
	slices.Sort(want)
	if !slices.Equal(files, want) {
		t.Errorf("the folder holds %q, kustomization.yaml and the manager account for %q", files, want)
	}
}

func TestEveryKindHasASample(t *testing.T) {
	o, _ := compiled(t)
	for kind, n := range map[string]int{
		v1alpha1.KindDataPurpose: len(o.Purposes), v1alpha1.KindConsentNotice: len(o.Notices), v1alpha1.KindDataService: len(o.Services),
		v1alpha1.KindConsentPolicy: len(o.Policies), v1alpha1.KindConsentLedger: len(o.Ledgers),
		v1alpha1.KindTouchpoint: len(o.Touchpoints), v1alpha1.KindEnforcementExemption: len(o.Exemptions),
	} {
		if n == 0 {
			t.Errorf("there is no sample of %s", kind)
		}
	}
}

func TestSamplesCompileWithoutFindings(t *testing.T) {
	o, result := compiled(t)
	for _, f := range result.Findings {
		t.Errorf("%s %s: %s", f.Resource, f.Field, f.Message)
	}
	if len(result.Bundles) != len(o.Workloads) || len(result.Ledgers) != 1 {
		t.Fatalf("%d bundles of workloads and %d of ledgers", len(result.Bundles), len(result.Ledgers))
	}
	for _, b := range result.Bundles {
		if len(b.Bundle.Rules) == 0 || len(b.Bundle.Notices) == 0 {
			t.Errorf("%s has no rules or no notices: no sample is for it", b.Workload.ID())
		}
	}
}

// TestThePublishedSampleIsWhatTheOthersCompileTo also shows that a sidecar would take it.
func TestThePublishedSampleIsWhatTheOthersCompileTo(t *testing.T) {
	_, result := compiled(t)
	i := slices.IndexFunc(result.Bundles, func(b compile.Bundle) bool { return b.Workload.Name == "mailer" })
	b := result.Bundles[i]
	c := v1alpha1.SidecarConfig{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.KindSidecarConfig},
		ObjectMeta: metav1.ObjectMeta{Namespace: b.Workload.Namespace, Name: workload.ConfigName(b.Workload)},
		Spec: v1alpha1.SidecarConfigSpec{
			Workload: v1alpha1.WorkloadRef{Kind: b.Workload.Kind, Name: b.Workload.Name}, Generation: 1, Hash: b.Hash, Bundle: string(b.Encoded),
			Purposes: []v1alpha1.ObjectName{"billing-mail", "news-mail"},
			Display:  &v1alpha1.SidecarConfigDisplay{Workload: b.Workload.ID(), Purposes: "billing-mail,news-mail"},
		},
	}
	testkit.Golden(t, published, asYAML(t, c))

	var read v1alpha1.SidecarConfig
	text, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, &read); err != nil {
		t.Fatal(err)
	}
	if _, err := ir.Decode([]byte(read.Spec.Bundle)); err != nil || ir.Hash([]byte(read.Spec.Bundle)) != read.Spec.Hash {
		t.Errorf("a sidecar would refuse it: %v", err)
	}
}

// asYAML leaves the status out, which belongs to a running cluster, and puts the bundle last, where it hides nothing.
func asYAML(t *testing.T, c v1alpha1.SidecarConfig) []byte {
	t.Helper()
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        map[string]any `json:"metadata"`
		Spec            map[string]any `json:"spec"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	delete(m.Spec, "bundle")
	out, err := yaml.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	const first = "# Written by the test of this folder, as the manager would write it. People only read such objects.\n"
	return fmt.Appendf(nil, "%s%s  bundle: '%s'\n", first, out, strings.ReplaceAll(c.Spec.Bundle, "'", "''"))
}

// TestPagesQuoteTheSamples: what a page of docs/spec shows first stands word for word in the sample of its kind.
func TestPagesQuoteTheSamples(t *testing.T) {
	pages, err := filepath.Glob("../../docs/spec/*.md")
	if err != nil || len(pages) != 8 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := bytes.Cut(text, []byte("```yaml\n"))
		example, _, ended := bytes.Cut(rest, []byte("```\n"))
		if !found || !ended {
			t.Errorf("%s shows no example", page)
			continue
		}
		name := strings.TrimSuffix(filepath.Base(page), ".md") + ".yaml"
		sample, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(sample, example) {
			t.Errorf("the first example of %s does not stand in config/samples/%s", page, name)
		}
	}
}
