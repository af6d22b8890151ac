package explain

import "github.com/optup/optup/internal/decide"

// gateOf tells at which gate a reason denies. Where the same reason can come from several, it is the one that asks for it.
var gateOf = map[decide.Reason]decide.Gate{
	decide.NotCanonical: GateForm, decide.BodyUnreadable: GateForm, decide.BodyTooLarge: GateForm, decide.EncodingNotAllowed: GateForm, decide.TLSRefused: GateForm,
	decide.CredentialNotAllowed: GateForm, decide.CredentialMissing: GateForm, decide.SignatureRefused: GateForm, decide.CallerUnknown: GateForm,
	decide.InternalError: GateForm, decide.HostUndeclared: GateHost, decide.EndpointUnknown: GateEndpoint, decide.NoPolicy: GateRule,
	decide.PurposeUndeclared: decide.GatePurpose, decide.PurposeAmbiguous: GateRule, decide.NamespaceNotAllowed: decide.GateNamespace,
	decide.CategoryNotCovered: decide.GateCategory, decide.SpecialCategoryConsentMissing: decide.GateCategory, decide.PartyNotCovered: decide.GateParty,
	decide.TransferNotCovered: decide.GateTransfer, decide.ObligationUnmet: decide.GateObligation, decide.LedgerBehind: decide.GateFreshness,
	decide.Restricted: decide.GateRestriction, decide.Suppressed: decide.GateSuppression, decide.IdentityAmbiguous: decide.GateIdentity,
	decide.PersonUnresolved: decide.GateIdentity, decide.AddresseeKind: decide.GateAddressee, decide.GuardianConsentMissing: decide.GateAge,
	decide.Objected: decide.GateObjection, decide.Art14NoticeMissing: decide.GateInformation, decide.DeviceAccessNotAllowed: decide.GateDevice,
	decide.ProcessingNotCovered: decide.GateProcessing, decide.ChannelNotCovered: decide.GateChannel,
}

// Recorded puts the outcome of a decision that was taken earlier into words: the gate at which it failed, or the ground that carried.
// What each gate looked at then is not on record; what the reason means is.
func Recorded(r decide.Reason) Answer {
	m := r.Meaning()
	a := Answer{Gate: decide.GateGround, Result: Failed, Reason: r, Says: m.Says, Law: m.Law}
	switch gate, known := gateOf[r]; {
	case r.Permits():
		a.Result = Passed
	case known:
		a.Gate = gate
	case r == decide.NotPermitted:
		// Some people were refused; each has a reason of its own.
	default:
		a.Gate = decide.GateGrant
	}
	return a
}
