package translate

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/policy"
)

// reasons orders the compiler's findings: where several hold, the condition shows the first. Warnings, which deny nothing by
// themselves, are not in it.
var reasons = []struct {
	code   compile.Code
	reason string
}{
	{compile.NotLawful, v1alpha1.ReasonNotLawful},
	{compile.ParentNotFound, v1alpha1.ReasonParentNotFound},
	{compile.PurposeNotFound, v1alpha1.ReasonPurposeNotFound},
	{compile.NamespaceNotAllowed, v1alpha1.ReasonNamespaceNotAllowed},
	{compile.ServiceNotFound, v1alpha1.ReasonServiceNotFound},
	{compile.EndpointNotFound, v1alpha1.ReasonEndpointNotFound},
	{compile.NothingCovered, v1alpha1.ReasonNothingCovered},
	{compile.InvalidEndpoint, v1alpha1.ReasonInvalidEndpoint},
	{compile.HostConflict, v1alpha1.ReasonHostConflict},
	{compile.LedgerNotFound, v1alpha1.ReasonLedgerNotFound},
	{compile.BundleTooLarge, v1alpha1.ReasonBundleTooLarge},
}

// maxMessage is the longest message that the API server takes in a condition.
const maxMessage = 32768

// Conditions gives Accepted and Ready of one object from all findings. Generation is the object's metadata.generation.
func Conditions(findings []compile.Finding, of policy.Ref, generation int64) []metav1.Condition {
	own := slices.Clone(findings)
	own = slices.DeleteFunc(own, func(f compile.Finding) bool { return f.Resource != of })
	if len(own) == 0 {
		return []metav1.Condition{
			condition(v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted, "Everything that this refers to exists and allows it.", generation),
			condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "Accepted and compiled.", generation),
		}
	}
	slices.SortStableFunc(own, func(a, b compile.Finding) int { return cmp.Compare(rank(a.Code), rank(b.Code)) })
	var sentences []string
	for _, f := range own {
		sentences = append(sentences, f.Field+": "+f.Message)
	}
	message := strings.Join(sentences, "\n")
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "")
	}
	return []metav1.Condition{
		condition(v1alpha1.ConditionAccepted, metav1.ConditionFalse, reason(own[0].Code), message, generation),
		condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotAccepted, "Not accepted; the condition Accepted says why.", generation),
	}
}

func condition(kind string, status metav1.ConditionStatus, reason, message string, generation int64) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: generation}
}

func rank(c compile.Code) int {
	for i, r := range reasons {
		if r.code == c {
			return i
		}
	}
	return len(reasons)
}

func reason(c compile.Code) string {
	if i := rank(c); i < len(reasons) {
		return reasons[i].reason
	}
	return v1alpha1.ReasonInvalid
}
