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

// reasons orders the compiler's errors: where several hold, the condition shows the first. Codes that are always warnings are not in it.
var reasons = []struct {
	code   compile.Code
	reason string
}{
	{compile.NotLawful, v1alpha1.ReasonNotLawful},
	{compile.InvalidPurpose, v1alpha1.ReasonInvalidPurpose},
	{compile.DuplicateName, v1alpha1.ReasonDuplicateName},
	{compile.ControllerConflict, v1alpha1.ReasonControllerConflict},
	{compile.ControllerMismatch, v1alpha1.ReasonControllerMismatch},
	{compile.ParentNotFound, v1alpha1.ReasonParentNotFound},
	{compile.ParentLeavesNothing, v1alpha1.ReasonParentLeavesNothing},
	{compile.WiderThanParent, v1alpha1.ReasonWiderThanParent},
	{compile.DeviceAccessNested, v1alpha1.ReasonDeviceAccessNested},
	{compile.PurposeNotFound, v1alpha1.ReasonPurposeNotFound},
	{compile.NoticeNotFound, v1alpha1.ReasonNoticeNotFound},
	{compile.NamespaceNotAllowed, v1alpha1.ReasonNamespaceNotAllowed},
	{compile.ServiceNotFound, v1alpha1.ReasonServiceNotFound},
	{compile.EndpointNotFound, v1alpha1.ReasonEndpointNotFound},
	{compile.InvalidRule, v1alpha1.ReasonInvalidRule},
	{compile.NothingCovered, v1alpha1.ReasonNothingCovered},
	{compile.NobodyNamed, v1alpha1.ReasonNobodyNamed},
	{compile.PartyNotCovered, v1alpha1.ReasonPartyNotCovered},
	{compile.TransferNotCovered, v1alpha1.ReasonTransferNotCovered},
	{compile.UnreachableRule, v1alpha1.ReasonUnreachableRule},
	{compile.ProofNotAccepted, v1alpha1.ReasonProofNotAccepted},
	{compile.NothingToAsk, v1alpha1.ReasonNothingToAsk},
	{compile.InvalidTouchpoint, v1alpha1.ReasonInvalidTouchpoint},
	{compile.InvalidEndpoint, v1alpha1.ReasonInvalidEndpoint},
	{compile.InvalidCredential, v1alpha1.ReasonInvalidCredential},
	{compile.InvalidAuthorities, v1alpha1.ReasonInvalidAuthorities},
	{compile.EndpointConflict, v1alpha1.ReasonEndpointConflict},
	{compile.InvalidCallback, v1alpha1.ReasonInvalidCallback},
	{compile.CallbackConflict, v1alpha1.ReasonCallbackConflict},
	{compile.HostConflict, v1alpha1.ReasonHostConflict},
	{compile.LedgerNotFound, v1alpha1.ReasonLedgerNotFound},
	{compile.CallersLeftOut, v1alpha1.ReasonCallersLeftOut},
	{compile.BundleTooLarge, v1alpha1.ReasonBundleTooLarge},
}

// AcceptedWithWarnings is how the message of Accepted=True begins where there are warnings.
const AcceptedWithWarnings = "Accepted. Warnings:"

// maxMessage is the longest message that the API server takes in a condition.
const maxMessage = 32768

// Conditions gives Accepted and Ready of one object from all findings. Errors make it not accepted; warnings are listed either way, one
// finding a line. Generation is the object's metadata.generation.
func Conditions(findings []compile.Finding, of policy.Ref, generation int64) []metav1.Condition {
	var errors, warnings []compile.Finding
	for _, f := range findings {
		switch {
		case f.Resource != of:
		case f.Severity == compile.Warning:
			warnings = append(warnings, f)
		default:
			errors = append(errors, f)
		}
	}
	if len(errors) == 0 {
		message := "Everything that this refers to exists and allows it."
		switch lines := sentences(warnings, ""); len(lines) {
		case 0:
		case 1:
			message = AcceptedWithWarnings + " " + lines[0]
		default:
			message = AcceptedWithWarnings + "\n" + strings.Join(lines, "\n")
		}
		return []metav1.Condition{
			condition(v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted, message, generation),
			condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "Accepted and compiled.", generation),
		}
	}
	slices.SortStableFunc(errors, func(a, b compile.Finding) int { return cmp.Compare(rank(a.Code), rank(b.Code)) })
	message := strings.Join(append(sentences(errors, ""), sentences(warnings, "Warning: ")...), "\n")
	return []metav1.Condition{
		condition(v1alpha1.ConditionAccepted, metav1.ConditionFalse, reason(errors[0].Code), message, generation),
		condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotAccepted, "Not accepted; the condition Accepted says why.", generation),
	}
}

func sentences(findings []compile.Finding, prefix string) []string {
	var out []string
	for _, f := range findings {
		out = append(out, prefix+f.Field+": "+f.Message)
	}
	return out
}

func condition(kind string, status metav1.ConditionStatus, reason, message string, generation int64) metav1.Condition {
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "")
	}
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
