package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// changedShop is the shop of the corpus with some texts replaced.
func changedShop(t *testing.T, replace ...string) string {
	t.Helper()
	data, err := os.ReadFile(corpus + "/bases/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	shop := string(data)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(shop, replace[i]) {
			t.Fatalf("the shop says nowhere %q", replace[i])
		}
		shop = strings.Replace(shop, replace[i], replace[i+1], 1)
	}
	return text(t, shop)
}

const newsletterRule = "    when: [{source: Body, name: /template_id, in: [d-newsletter]}]\n    onMissing: DropAddressee\n    onEmpty: AnswerAccepted\n"

func TestDiff(t *testing.T) {
	for name, tt := range map[string]struct {
		change            []string
		permitted, denied bool
		printed           []string
	}{
		"nothing": {nil, false, false, []string{" 0 newly permitted, 0 newly denied, 0 other changes,", "0 bundles change"}},
		"a rule takes another template in": {
			[]string{"in: [d-newsletter]", "in: [d-newsletter, d-other]"},
			true, false,
			[]string{"NEWLY PERMITTED  purpose/", "a template that no rule names has no purpose", "before  deny: PURPOSE_UNDECLARED", "after   permit, purpose newsletter: OK_CONSENT", "bundle   marketing/Deployment/mailer changes"},
		},
		"a rule turns strict": {
			[]string{newsletterRule, "    when: [{source: Body, name: /template_id, in: [d-newsletter]}]\n"},
			false, true,
			[]string{"newly denied  addressees/", "after   deny, purpose newsletter: NOT_PERMITTED, OK_CONSENT"},
		},
		"a purpose is shown one category less": {
			[]string{"dataCategories: [pd:EmailAddress, pd:Name, pd:Purchase]", "dataCategories: [pd:EmailAddress, pd:Purchase]"},
			false, true,
			[]string{"newly denied  minimisation/", "data    no longer returned: /customers/*/name/first"},
		},
		"a policy no longer enforces": {
			[]string{"  ungoverned: {action: Deny}", "  mode: Observe\n  ungoverned: {action: Deny}"}, true, false, []string{"(observed only)"},
		},
		"a namespace loses its label": {
			[]string{"  labels: {consent.optup.dev/mode: enforce}\n", ""},
			true, false,
			[]string{"after   not governed", "bundle   marketing/Deployment/mailer is gone"},
		},
		"a purpose goes": {
			[]string{"metadata: {name: newsletter}", "metadata: {name: news-letter}"}, false, true, []string{"finding  new: ConsentPolicy marketing/mailer: spec.rules[0].purpose: PurposeNotFound"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Diff(DiffOptions{Old: corpus + "/bases/shop.yaml", New: changedShop(t, tt.change...), Corpus: []string{corpus}, Only: regexp.MustCompile("^(purpose|addressees|minimisation|objection)/")})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := PrintDifference(&out, d); err != nil {
				t.Fatal(err)
			}
			if (d.Count(NewlyPermitted) > 0) != tt.permitted || (d.Count(NewlyDenied) > 0) != tt.denied || d.Same() != (tt.change == nil) {
				t.Errorf("%d, %d, %d", d.Count(NewlyPermitted), d.Count(NewlyDenied), d.Count(OtherChange))
			}
			for _, want := range tt.printed {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, out.String())
				}
			}
			if strings.Contains(out.String(), "example.org") {
				t.Errorf("a person is named:\n%s", out.String())
			}
		})
	}
}

func TestDiffShowsDataThatIsNewlyReturned(t *testing.T) {
	old := changedShop(t, "dataCategories: [pd:EmailAddress, pd:Name, pd:Purchase]", "dataCategories: [pd:EmailAddress, pd:Purchase]")
	d, err := Diff(DiffOptions{Old: old, New: corpus + "/bases/shop.yaml", Corpus: []string{corpus}, Only: regexp.MustCompile("^minimisation/.*score")})
	if err != nil || d.Count(NewlyPermitted) != 1 || d.Changed[0].Data[0] != "returned, and was not before: /customers/*/name/first" {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestDiffStandsInPlaceOfBases: what a set removes is gone, unless it is laid over the cases' own objects.
func TestDiffStandsInPlaceOfBases(t *testing.T) {
	part := text(t, "apiVersion: consent.optup.dev/v1alpha1\nkind: ConsentPolicy\nmetadata: {name: mailer, namespace: marketing}\nspec: {targetRefs: [{kind: Deployment, name: mailer}]}\n")
	o := DiffOptions{Old: corpus + "/bases/shop.yaml", New: part, Corpus: []string{corpus}, Only: regexp.MustCompile("^objection/.*the invoice goes out")}
	d, err := Diff(o)
	if err != nil || len(d.Changed) != 1 || d.Changed[0].After.Governed || d.Changed[0].Kind != NewlyPermitted {
		t.Errorf("%+v, %v", d, err)
	}
	o.KeepBases = true
	d, err = Diff(o)
	if err != nil || len(d.Changed) != 1 || d.Changed[0].After.Reasons[0] != decide.NoPolicy || d.Changed[0].Kind != NewlyDenied {
		t.Errorf("%+v, %v", d, err)
	}
	o.Old = part
	o.KeepBases = false
	if _, err := Diff(o); err == nil || !strings.Contains(err.Error(), "either set governs") {
		t.Errorf("%v", err)
	}
}

func TestDiffThatCannotBeMade(t *testing.T) {
	shop := corpus + "/bases/shop.yaml"
	for wrong, o := range map[string]DiffOptions{
		"absent":       {Old: filepath.Join(t.TempDir(), "absent.yaml"), New: shop, Corpus: []string{corpus}},
		"no case":      {Old: shop, New: shop, Corpus: []string{t.TempDir()}},
		"none of the":  {Old: shop, New: shop, Corpus: []string{corpus}, Only: regexp.MustCompile("^nothing$")},
		"spec.unknown": {Old: shop, New: text(t, "apiVersion: consent.optup.dev/v1alpha1\nkind: DataPurpose\nmetadata: {name: x}\nspec: {unknown: 1}\n"), Corpus: []string{corpus}},
	} {
		if _, err := Diff(o); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// TestWider: what lets more through counts as newly permitted, whatever else it does.
func TestWider(t *testing.T) {
	ok, no := decide.OKConsent, decide.NoGrant
	deny := Side{Governed: true, Effect: decide.Deny, Mode: ir.ModeEnforce}
	first := Side{Governed: true, Effect: decide.PermitFiltered, Mode: ir.ModeEnforce, People: []decide.Reason{ok, no}, sent: 1}
	second := first
	second.People = []decide.Reason{no, ok}
	untracked := first
	untracked.Obligations = []decide.Obligation{ir.OpenTrackingOff}
	observed := deny
	observed.Mode = ir.ModeObserve
	for name, tt := range map[string]struct {
		before, after Side
		want          Kind
	}{
		"another person is let through":          {first, second, NewlyPermitted},
		"tracking need no longer be off":         {untracked, first, NewlyPermitted},
		"tracking has to be off":                 {first, untracked, NewlyDenied},
		"a denial is only observed":              {deny, observed, NewlyPermitted},
		"a denial is enforced":                   {observed, deny, NewlyDenied},
		"what is permitted is only observed":     {Side{Governed: true, Effect: decide.Permit, Mode: ir.ModeEnforce}, Side{Governed: true, Effect: decide.Permit, Mode: ir.ModeObserve}, OtherChange},
		"nobody governs any more":                {deny, Side{}, NewlyPermitted},
		"somebody governs now, and denies":       {Side{}, deny, NewlyDenied},
		"a denial becomes a filter":              {deny, first, NewlyPermitted},
		"the same denial, under another purpose": {deny, Side{Governed: true, Effect: decide.Deny, Mode: ir.ModeEnforce, Purpose: "x"}, OtherChange},
	} {
		if c, differs := compareSides(tt.before, tt.after); !differs || c.Kind != tt.want {
			t.Errorf("%s: %s", name, c.Kind)
		}
	}
	if _, differs := compareSides(first, first); differs {
		t.Error("the same differs")
	}
}
