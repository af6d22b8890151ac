package translate

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/policy"
)

var mailer = policy.Ref{Kind: v1alpha1.KindConsentPolicy, Namespace: "marketing", Name: "mailer"}

func finding(field string, code compile.Code, severity compile.Severity, message string) compile.Finding {
	return compile.Finding{Resource: mailer, Field: field, Code: code, Severity: severity, Message: message}
}

func TestConditions(t *testing.T) {
	other := finding("spec", compile.HostConflict, compile.Error, "Somebody else's.")
	other.Resource.Name = "other"
	for name, tt := range map[string]struct {
		findings        []compile.Finding
		status          metav1.ConditionStatus
		reason, message string
		ready           metav1.ConditionStatus
	}{
		"nothing is wrong": {
			[]compile.Finding{other}, metav1.ConditionTrue, v1alpha1.ReasonAccepted, "Everything that this refers to exists and allows it.", metav1.ConditionTrue,
		},
		"a warning denies nothing and is shown": {
			[]compile.Finding{finding("spec.rules[0]", compile.RedundantRule, compile.Warning, "It is there twice.")},
			metav1.ConditionTrue, v1alpha1.ReasonAccepted, "Accepted. Warnings: spec.rules[0]: It is there twice.", metav1.ConditionTrue,
		},
		"warnings stand one a line": {
			[]compile.Finding{
				finding("spec.rules[0]", compile.RedundantRule, compile.Warning, "One."), finding("spec.rules[1]", compile.NoNotice, compile.Warning, "Two."),
			},
			metav1.ConditionTrue, v1alpha1.ReasonAccepted, "Accepted. Warnings:\nspec.rules[0]: One.\nspec.rules[1]: Two.", metav1.ConditionTrue,
		},
		"errors come before warnings, and the gravest first": {
			[]compile.Finding{
				finding("spec.rules[0]", compile.RedundantRule, compile.Warning, "Warned."),
				finding("spec.rules[1].service", compile.ServiceNotFound, compile.Error, "No service."),
				finding("spec.rules[2].purpose", compile.PurposeNotFound, compile.Error, "No purpose."),
			},
			metav1.ConditionFalse, v1alpha1.ReasonPurposeNotFound,
			"spec.rules[2].purpose: No purpose.\nspec.rules[1].service: No service.\nWarning: spec.rules[0]: Warned.", metav1.ConditionFalse,
		},
		"what a newer compiler finds is an error without a name": {
			[]compile.Finding{finding("spec", "Unheard", compile.Error, "Hm.")}, metav1.ConditionFalse, v1alpha1.ReasonInvalid, "spec: Hm.", metav1.ConditionFalse,
		},
		"a message is no longer than the API server takes": {
			[]compile.Finding{finding("spec", compile.NoNotice, compile.Warning, strings.Repeat("ä", maxMessage))},
			metav1.ConditionTrue, v1alpha1.ReasonAccepted, strings.ToValidUTF8(("Accepted. Warnings: spec: " + strings.Repeat("ä", maxMessage))[:maxMessage], ""), metav1.ConditionTrue,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Conditions(tt.findings, mailer, 7)
			if len(got) != 2 || got[0].Type != v1alpha1.ConditionAccepted || got[1].Type != v1alpha1.ConditionReady {
				t.Fatalf("%+v", got)
			}
			if a := got[0]; a.Status != tt.status || a.Reason != tt.reason || a.Message != tt.message || a.ObservedGeneration != 7 {
				t.Errorf("Accepted: %+v, want %s %s %s", a, tt.status, tt.reason, tt.message)
			}
			if got[1].Status != tt.ready {
				t.Errorf("Ready: %+v", got[1])
			}
		})
	}
}

// TestEveryCodeHasAReasonUnlessItIsAWarning reads the codes from their source, so that none can be forgotten.
func TestEveryCodeHasAReasonUnlessItIsAWarning(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../compile/codes.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		codes++
		code := compile.Code(strings.Trim(v.Values[0].(*ast.BasicLit).Value, `"`))
		doc := strings.Join(strings.Fields(v.Doc.Text()), " ")
		if !strings.Contains(doc, " surfaces when ") {
			t.Errorf("%s does not say when it surfaces", code)
		}
		if always := strings.Contains(doc, "always a warning"); always == (rank(code) < len(reasons)) {
			t.Errorf("%s: always a warning: %v, has a reason: %v", code, always, !always)
		}
		if rank(code) < len(reasons) && reason(code) != string(code) {
			t.Errorf("%s becomes %s", code, reason(code))
		}
		return true
	})
	if codes < len(reasons) {
		t.Fatalf("only %d codes", codes)
	}
}
