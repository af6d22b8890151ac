package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/optup/optup/controllers"
)

// noMatch is what a client says of a kind that is not installed.
var noMatch = &meta.NoKindMatchError{GroupKind: schema.GroupKind{Group: "consent.optup.dev", Kind: "ConsentLedger"}, SearchedVersions: []string{"v1alpha1"}}

func TestNamesAreThoseOfTheOperator(t *testing.T) {
	for here, there := range map[string]string{caSecret: controllers.CASecret, grantSecret: controllers.GrantSecret, ledgerLabel: controllers.LabelLedger} {
		if here != there {
			t.Errorf("%q, the controllers say %q", here, there)
		}
	}
}

// TestUninstallKnowsEverythingInTheChart: whoever adds an object to the chart has to say when it goes.
func TestUninstallKnowsEverythingInTheChart(t *testing.T) {
	files, err := filepath.Glob("../../charts/optup/templates/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var known []string
	for _, o := range managerObjects(OperatorNamespace) {
		kind, err := apiutil.GVKForObject(o, Scheme())
		if err != nil {
			t.Fatal(err)
		}
		known = append(known, kind.Kind+" "+o.GetName())
	}
	object := regexp.MustCompile(`(?m)^kind: (\w+)\nmetadata:\n  name: ([\w-]+)$`)
	hook := regexp.MustCompile(`(?m)^- name: ([\w.-]+)$`)
	seen := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		found := object.FindAllStringSubmatch(string(text), -1)
		if len(found) != strings.Count(string(text), "\nmetadata:\n") {
			t.Errorf("%s: an object's name cannot be read", f)
		}
		for _, m := range found {
			seen++
			if !strings.HasSuffix(m[1], "WebhookConfiguration") && !slices.Contains(known, m[1]+" "+m[2]) {
				t.Errorf("%s: uninstall does not know %s %s", f, m[1], m[2])
			}
		}
		if strings.Contains(string(text), "WebhookConfiguration\n") {
			for _, m := range hook.FindAllStringSubmatch(string(text), -1) {
				if !ours(m[1]) {
					t.Errorf("%s: uninstall does not know the webhook %s", f, m[1])
				}
			}
		}
	}
	if seen < 8 {
		t.Errorf("only %d objects were found in the chart", seen)
	}
}

func TestEveryKindIsKnown(t *testing.T) {
	files, err := filepath.Glob("../../charts/optup/crds/*.yaml")
	if err != nil || len(files) != len(kinds) {
		t.Fatalf("%d definitions, %d kinds, %v", len(files), len(kinds), err)
	}
	for _, f := range files {
		resource := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "consent.optup.dev_"), ".yaml")
		if !slices.ContainsFunc(kinds, func(k struct{ kind, resource string }) bool { return k.resource == resource }) {
			t.Errorf("%s is not known", resource)
		}
	}
}
