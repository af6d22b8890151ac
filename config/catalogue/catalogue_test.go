// Package catalogue holds the purposes and services that OptUp ships to the reader of manifests and to the compiler.
package catalogue

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/manifest"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/translate"
)

// controller is the placeholder that whoever takes the catalogue over replaces.
const controller = "Your Company"

type expected struct {
	dpv     string
	tcf     []int32
	signals []string
	ground  v1alpha1.LegalGround
}

var vocabulary = map[v1alpha1.ObjectName]expected{
	"direct-marketing.email":             {"dpv:DirectMarketing", nil, nil, "consent"},
	"direct-marketing.phone":             {"dpv:DirectMarketing", nil, nil, "consent"},
	"direct-marketing.post":              {"dpv:DirectMarketing", nil, nil, "legitimateInterest"},
	"direct-marketing.sms":               {"dpv:DirectMarketing", nil, nil, "consent"},
	"direct-marketing.existing-customer": {"dpv:DirectMarketing", nil, nil, "existingCustomer"},
	"reaction-measurement.aggregate":     {"dpv:Analyse", []int32{7, 8}, []string{"analytics_storage"}, "consent"},
	"reaction-profiling":                 {"dpv:Personalisation", []int32{5}, []string{"personalization_storage"}, "consent"},
	"customer-journey":                   {"dpv:Personalisation", []int32{3, 5}, []string{"analytics_storage"}, "consent"},
	"personalised-content":               {"dpv:ServicePersonalisation", []int32{6}, []string{"personalization_storage"}, "consent"},
	"contextual-content":                 {"dpv:ServicePersonalisation", []int32{11}, nil, "legitimateInterest"},
	"ads.limited":                        {"dpv:Advertising", []int32{2}, []string{"ad_storage"}, "consent"},
	"ads.profile":                        {"dpv:PersonalisedAdvertising", []int32{3}, []string{"ad_personalization"}, "consent"},
	"ads.targeted":                       {"dpv:TargetedAdvertising", []int32{4}, []string{"ad_personalization"}, "consent"},
	"retargeting":                        {"dpv:TargetedAdvertising", []int32{4}, []string{"ad_personalization"}, "consent"},
	"ads.measure":                        {"dpv:Advertising", []int32{7}, []string{"ad_storage"}, "consent"},
	"content.measure":                    {"dpv:ServiceUsageAnalytics", []int32{8}, []string{"analytics_storage"}, "consent"},
	"audience-insight":                   {"dpv:Marketing", []int32{9}, []string{"analytics_storage"}, "consent"},
	"improve-services":                   {"dpv:ImproveExistingProductsAndServices", []int32{10}, nil, "legitimateInterest"},
	"audience-upload":                    {"dpv:TargetedAdvertising", []int32{3, 4}, []string{"ad_user_data"}, "consent"},
	"device-storage":                     {"dpv:Store", []int32{1}, []string{"ad_storage", "analytics_storage", "personalization_storage"}, "consent"},
	"lead-generation":                    {"dpv:Marketing", nil, nil, "consent"},
	"consent-confirmation":               {"dpv:LegalCompliance", nil, nil, "legalObligation"},
	"rights-response":                    {"dpv:LegalCompliance", nil, nil, "legalObligation"},
	"statutory-notice":                   {"dpv:LegalCompliance", nil, nil, "legalObligation"},
	"transactional":                      {"dpv:CommunicationForCustomerCare", nil, nil, "contract"},
	"crm-care":                           {"dpv:CustomerRelationshipManagement", nil, nil, "contract"},
	"survey":                             {"dpv:DirectMarketing", nil, nil, "consent"},
}

// dpv are the terms of the Data Privacy Vocabulary 2.3 that the catalogue uses.
var dpv = strings.Fields(`
	dpv:Advertising dpv:Analyse dpv:CommunicationForCustomerCare dpv:CustomerRelationshipManagement dpv:DirectMarketing
	dpv:ImproveExistingProductsAndServices dpv:LegalCompliance dpv:Marketing dpv:PersonalisedAdvertising dpv:Personalisation
	dpv:ServicePersonalisation dpv:ServiceUsageAnalytics dpv:Store dpv:TargetedAdvertising
	pd:Age pd:Behavioural pd:BirthDate pd:BrowsingBehaviour pd:Communication pd:Country pd:DeviceBased pd:EmailAddress pd:IPAddress
	pd:IndividualProfile pd:Interest pd:Language pd:LinkClicked pd:Location pd:MedicalHealth pd:Name pd:PhysicalAddress pd:Purchase
	pd:PurchasesAndSpendingHabit pd:ServiceConsumptionBehaviour pd:TelephoneNumber pd:Transactional pd:UID pd:UserAgent pd:Username`)

func read(t *testing.T, folder string) translate.Objects {
	t.Helper()
	names, err := filepath.Glob(folder + "/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return filepath.Base(n) == "kustomization.yaml" })
	o, err := manifest.ReadFiles(os.DirFS("."), names...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func ledger(o *translate.Objects) {
	o.Ledgers = append(o.Ledgers, v1alpha1.ConsentLedger{
		ObjectMeta: metav1.ObjectMeta{Name: "main", Namespace: "consent"}, Spec: v1alpha1.ConsentLedgerSpec{Controller: controller},
	})
}

func noFindings(t *testing.T, r compile.Result) {
	t.Helper()
	for _, f := range r.Findings {
		t.Errorf("%s %s: %s", f.Resource, f.Field, f.Message)
	}
}

func TestThePurposesAreThoseOfTheVocabulary(t *testing.T) {
	o := read(t, "purposes")
	seen := map[v1alpha1.ObjectName]bool{}
	for i := range o.Purposes {
		p := &o.Purposes[i]
		name := v1alpha1.ObjectName(p.Name)
		seen[name] = true
		want, ok := vocabulary[name]
		if !ok {
			t.Errorf("%s stands in no table", name)
			continue
		}
		got := expected{p.Spec.DPV, p.Spec.TCFPurposes, p.Spec.GoogleSignals, p.Spec.LegalGrounds[0]}
		if !reflect.DeepEqual(got, want) || len(p.Spec.LegalGrounds) != 1 {
			t.Errorf("%s is %+v on %v, expected %+v", name, got, p.Spec.LegalGrounds, want)
		}
	}
	for name := range vocabulary {
		if !seen[name] {
			t.Errorf("there is no purpose %s", name)
		}
	}
}

// TestEveryPurposeIsReadyToTakeOver: the things that nobody should have to look up, and nobody may act before somebody said so.
func TestEveryPurposeIsReadyToTakeOver(t *testing.T) {
	never := []string{"consent-confirmation", "rights-response", "statutory-notice", "transactional", "crm-care"}
	for _, p := range read(t, "purposes").Purposes {
		s := &p.Spec
		if s.Controller != controller || s.AllowedNamespaces != nil {
			t.Errorf("%s: controller %q, allowedNamespaces %v", p.Name, s.Controller, s.AllowedNamespaces)
		}
		for _, language := range []string{"de", "en"} {
			i := slices.IndexFunc(s.Texts, func(x v1alpha1.LocalizedText) bool { return x.Language == language })
			if i < 0 || len(s.Texts[i].Description) < 80 {
				t.Errorf("%s is not described in %s", p.Name, language)
			}
		}
		if slices.Contains(never, p.Name) != (s.Objection == v1alpha1.ObjectionNone) && p.Name != "device-storage" {
			t.Errorf("%s: objection %s", p.Name, s.Objection)
		}
		for _, n := range s.TCFPurposes {
			if slices.Contains([]int32{1, 3, 4}, n) && !slices.Equal(s.LegalGrounds, []v1alpha1.LegalGround{v1alpha1.GroundConsent}) {
				t.Errorf("%s: purpose %d of the framework rests on consent alone", p.Name, n)
			}
		}
		if slices.Contains(s.Channels, v1alpha1.ChannelPhone) && s.Objection != v1alpha1.ObjectionNone && s.EvidenceRetentionDays != 1827 {
			t.Errorf("%s: evidence of advertising by telephone is kept for five years (UWG §7a)", p.Name)
		}
		for _, signal := range s.GoogleSignals {
			if strings.HasSuffix(signal, "_storage") && s.DeviceAccess == nil && p.Name != "device-storage" {
				t.Errorf("%s follows %s, so it has to name its device access", p.Name, signal)
			}
		}
	}
}

func TestThePurposesCompileWithoutFindings(t *testing.T) {
	o := read(t, "purposes")
	ledger(&o)
	r := compile.Compile(translate.Snapshot(o))
	noFindings(t, r)
	if len(r.Ledgers) != 1 || len(r.Ledgers[0].Bundle.Purposes) != len(vocabulary) {
		t.Fatalf("%d ledgers", len(r.Ledgers))
	}
	for _, p := range r.Ledgers[0].Bundle.Purposes {
		if p.Blocked != "" || len(p.Grounds) == 0 {
			t.Errorf("%s is blocked: %s", p.Name, p.Blocked)
		}
	}
}

// TestServicesCompileAndStaySmall uses every endpoint with personal data of every service at once, for a purpose that may do everything with everything.
func TestServicesCompileAndStaySmall(t *testing.T) {
	const ns = "marketing-services"
	o := read(t, "services")
	ledger(&o)
	all := v1alpha1.DataPurpose{ObjectMeta: metav1.ObjectMeta{Name: "everything"}, Spec: v1alpha1.DataPurposeSpec{
		Controller: controller, LegalGrounds: []v1alpha1.LegalGround{"contract"}, Objection: v1alpha1.ObjectionNone, Channels: []v1alpha1.Channel{"email"},
		Processing:        []v1alpha1.Processing{"collect", "store", "profile", "segment", "send", "show", "track", "erase", "restrict"},
		AllowedNamespaces: &v1alpha1.NamespaceSelector{Names: []v1alpha1.NamespaceName{ns}},
	}}
	o.Purposes = append(o.Purposes, all)
	o.Namespaces = nil
	s := translate.Snapshot(o)
	s.Namespaces = []policy.Namespace{{Name: ns}}
	for i := range s.Services {
		s.Services[i].Allowed.Names = []string{ns}
		rule := policy.Rule{Name: "all", Purpose: "everything", Service: policy.ServiceRef{}}
		rule.Service.Namespace, rule.Service.Name, _ = strings.Cut(s.Services[i].Name, "/")
		for _, e := range s.Services[i].Endpoints {
			if !e.NoPersonalData {
				rule.Endpoints = append(rule.Endpoints, e.Name)
			}
		}
		s.Policies = append(s.Policies, policy.Policy{Namespace: ns, Name: rule.Service.Name, Rules: []policy.Rule{rule}})
	}
	s.Workloads = []policy.Workload{{Namespace: ns, Kind: "Deployment", Name: "all"}}
	r := compile.Compile(s)
	noFindings(t, r)
	if len(r.Bundles) != 1 || len(r.Bundles[0].Bundle.Rules) != len(s.Services) || len(s.Services) != 5 {
		t.Fatalf("%d services, %+v", len(s.Services), r.Bundles)
	}
	if n := len(r.Bundles[0].Encoded); n > 64<<10 {
		t.Errorf("the bundle has %d bytes", n)
	}
}

// TestTheDemosServicesAreTheDemos: the copies here are those that the demo runs with.
func TestTheDemosServicesAreTheDemos(t *testing.T) {
	here, err := manifest.ReadFiles(os.DirFS("services"), "demo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	demo, err := manifest.ReadFiles(os.DirFS("../../test/demo/manifests"), "policies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(here.Services, demo.Services) {
		t.Error("services/demo.yaml and the demo differ")
	}
}

func terms(o translate.Objects) map[string]string {
	out := map[string]string{}
	message := func(name string, fields ...[]v1alpha1.PersonalField) {
		for _, list := range fields {
			for _, f := range list {
				out[string(f.Category)] = name
			}
		}
	}
	for i := range o.Purposes {
		out[o.Purposes[i].Spec.DPV] = o.Purposes[i].Name
		for _, c := range o.Purposes[i].Spec.DataCategories {
			out[string(c)] = o.Purposes[i].Name
		}
	}
	for i := range o.Services {
		for _, e := range o.Services[i].Spec.Endpoints {
			if e.Request != nil {
				message(o.Services[i].Name, e.Request.Fields)
			}
			if e.Response != nil {
				message(o.Services[i].Name, e.Response.Fields)
				if e.Response.Records != nil {
					message(o.Services[i].Name, e.Response.Records.Fields)
				}
			}
		}
	}
	return out
}

func TestTermsExist(t *testing.T) {
	for _, folder := range []string{"purposes", "services"} {
		for term, name := range terms(read(t, folder)) {
			if !slices.Contains(dpv, term) && term != "optup:MessageOpened" {
				t.Errorf("%s: %s is no term of the list above", name, term)
			}
		}
	}
}

// TestTheListOfTermsIsTheVocabularys compares with the published vocabulary where a copy of it lies beside the project.
func TestTheListOfTermsIsTheVocabularys(t *testing.T) {
	published := map[string]bool{}
	for prefix, files := range map[string][]string{"dpv:": {"dpv-purposes.csv", "dpv-processing.csv"}, "pd:": {"dpv-personal-data.csv"}} {
		for _, name := range files {
			data, err := os.ReadFile(filepath.Join("../../../shared/data", name))
			if errors.Is(err, fs.ErrNotExist) {
				t.Log("no copy of the vocabulary here: the terms were compared with it where there is one")
				return
			}
			rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				published[prefix+row[0]] = true
			}
		}
	}
	for _, term := range dpv {
		if !published[term] {
			t.Errorf("%s is not in the vocabulary", term)
		}
	}
}

// TestTheExamplePutsInAController: the overlay replaces the placeholder in every purpose.
func TestTheExamplePutsInAController(t *testing.T) {
	text, err := os.ReadFile("example/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var k struct {
		metav1.TypeMeta `json:",inline"`
		Resources       []string `json:"resources"`
		Patches         []struct {
			Target struct{ Kind, Name string } `json:"target"`
			Patch  string                      `json:"patch"`
		} `json:"patches"`
	}
	if err := yaml.UnmarshalStrict(text, &k); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(k.Resources, []string{"../purposes"}) || k.Patches[0].Target.Name != "" || !strings.Contains(k.Patches[0].Patch, "path: /spec/controller") {
		t.Errorf("%+v", k)
	}
	for _, p := range k.Patches[1:] {
		if _, ok := vocabulary[v1alpha1.ObjectName(p.Target.Name)]; !ok {
			t.Errorf("there is no purpose %q to patch", p.Target.Name)
		}
	}
}
