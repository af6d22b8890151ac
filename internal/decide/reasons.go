package decide

import "slices"

// Meaning says what a reason code means to somebody who does not know the codes.
type Meaning struct {
	// Says is a sentence.
	Says string
	// Law is where the rule is written down; empty for what follows from how OptUp works.
	Law string
}

// Meaning is that of a reason. For a code that this version does not know it says so.
func (r Reason) Meaning() Meaning {
	i := slices.IndexFunc(meanings, func(m meant) bool { return m.reason == r })
	if i < 0 {
		return Meaning{Says: "This version does not know the reason."}
	}
	return meanings[i].Meaning
}

// Reasons lists every reason: those that permit, those about requests, those about people.
func Reasons() []Reason {
	out := make([]Reason, 0, len(meanings))
	for _, m := range meanings {
		out = append(out, m.reason)
	}
	return out
}

type meant struct {
	reason Reason
	Meaning
}

// meanings is the one place where reasons are put into words.
var meanings = []meant{
	{OKConsent, Meaning{"The person agreed to this use, under a wording that covers it.", "GDPR Art. 6(1)(a), Art. 7"}},
	{OKSpecialCategoryConsent, Meaning{"The person expressly agreed to the use of special categories of data.", "GDPR Art. 9(2)(a)"}},
	{OKExistingCustomer, Meaning{"The person bought something, was told of the right to object, has not objected, and hears of similar goods of the same seller.", "UWG §7(3); ePrivacy Directive Art. 13(2)"}},
	{OKPresumedConsent, Meaning{"The addressee is a business whose interest in the call may be presumed, and it has not objected.", "UWG §7(2) no. 1"}},
	{OKContract, Meaning{"The use is necessary for a contract with the person.", "GDPR Art. 6(1)(b)"}},
	{OKLegalObligation, Meaning{"The law obliges the controller to this use.", "GDPR Art. 6(1)(c)"}},
	{OKVitalInterest, Meaning{"The use protects somebody's vital interests.", "GDPR Art. 6(1)(d)"}},
	{OKPublicTask, Meaning{"The use is necessary for a task in the public interest.", "GDPR Art. 6(1)(e)"}},
	{OKLINotObjected, Meaning{"The controller's legitimate interest carries the use, and the person has not objected.", "GDPR Art. 6(1)(f), Art. 21"}},

	{HostUndeclared, Meaning{"No DataService declares the host and port.", "GDPR Art. 5(1)(b), Art. 25(2)"}},
	{EndpointUnknown, Meaning{"The DataService declares no endpoint with this method and path.", "GDPR Art. 5(1)(b), Art. 25(2)"}},
	{PurposeUndeclared, Meaning{"No rule gives the request a purpose that exists and is lawful. Without a purpose nothing is permitted.", "GDPR Art. 5(1)(b)"}},
	{PurposeAmbiguous, Meaning{"Rules with different purposes match the request, so nobody could say what the data is used for.", "GDPR Art. 5(1)(b)"}},
	{NamespaceNotAllowed, Meaning{"The owner of the purpose has not allowed this namespace to act for it.", "GDPR Art. 24, Art. 29"}},
	{NoPolicy, Meaning{"No ConsentPolicy of the workload refers to the service.", "GDPR Art. 25(2)"}},
	{CategoryNotCovered, Meaning{"The request carries data that nobody declared or that the purpose does not need, or it would overwrite data that the workload is not shown.", "GDPR Art. 5(1)(c)"}},
	{PartyNotCovered, Meaning{"The operator of the service decides about data for itself, and the purpose does not include disclosing to such parties.", "GDPR Art. 4(7), Art. 26"}},
	{TransferNotCovered, Meaning{"The data would leave the European Economic Area on no basis that the law knows, or on one that the purpose cannot carry.", "GDPR Art. 44 to 49"}},
	{ObligationUnmet, Meaning{"The permission depends on something that nobody does, for example a note in the mail that the person can object.", "UWG §7(3) no. 4; GDPR Recital 26"}},
	{NotCanonical, Meaning{"The request has more than one reading, so what is checked might not be what the service does.", ""}},
	{BodyUnreadable, Meaning{"The body cannot be read as what is declared, or is there where none is declared.", ""}},
	{BodyTooLarge, Meaning{"The body is larger than what can be checked.", ""}},
	{EncodingNotAllowed, Meaning{"The body is encoded in a way that cannot be checked.", ""}},
	{TLSRefused, Meaning{"The request is encrypted where it has to be read.", ""}},
	{CredentialNotAllowed, Meaning{"The request brings a credential of its own to a service whose credential the sidecar inserts; an application that has a key could go around the sidecar.", "GDPR Art. 32(1)"}},
	{CredentialMissing, Meaning{"The sidecar has no credential for the service that could be inserted, so nothing was sent.", ""}},
	{SignatureRefused, Meaning{"The call is not signed by the declared service, or was signed too long ago, so nobody knows who sent it.", "GDPR Art. 5(1)(d), (f), Art. 32"}},
	{LedgerBehind, Meaning{"What people agreed to is not known freshly enough: somebody may have withdrawn or objected since.", "GDPR Art. 7(3), Art. 21(3)"}},
	{CallerUnknown, Meaning{"The request came to a service that decides itself, and whoever sent it has not proven which workload it is.", "GDPR Art. 5(1)(f), Art. 32"}},
	{InternalError, Meaning{"The request could not be checked.", ""}},
	{NotPermitted, Meaning{"The people's current consent does not permit this. Callers learn no more.", "GDPR Art. 5(1)(f)"}},

	{NoGrant, Meaning{"The person has not agreed to the purpose, or under a wording that nobody declared or that does not name the purpose.", "GDPR Art. 6(1)(a)"}},
	{PendingConfirmation, Meaning{"The agreement waits for confirmation, or is not proven in the way that the purpose requires.", "GDPR Art. 7(1)"}},
	{Withdrawn, Meaning{"The person withdrew consent.", "GDPR Art. 7(3)"}},
	{Cancelled, Meaning{"The controller ended the agreement.", "GDPR Art. 5(1)(e)"}},
	{Invalidated, Meaning{"The owner of the mailbox or number said that it was not them who agreed.", "GDPR Art. 7(1)"}},
	{Expired, Meaning{"The agreement is older than the purpose allows.", "GDPR Art. 5(1)(e)"}},
	{UnusedTooLong, Meaning{"The agreement was not used for longer than the purpose allows.", "GDPR Art. 5(1)(e)"}},
	{Unproven, Meaning{"The agreement was imported without evidence; it permits nothing until the person confirms it.", "GDPR Art. 7(1)"}},
	{Objected, Meaning{"The person objected, and has not agreed again in the knowledge of that.", "GDPR Art. 21(2), (3)"}},
	{Restricted, Meaning{"Processing is restricted; the data may only be stored.", "GDPR Art. 18(2)"}},
	{Suppressed, Meaning{"The person asked for erasure; the objection to direct marketing outlives the erased data.", "GDPR Art. 17, Art. 21(3)"}},
	{ControllerNotCovered, Meaning{"The wording that the person agreed to is that of another controller.", "GDPR Art. 4(11), Art. 7(2)"}},
	{ProcessingNotCovered, Meaning{"What is done with the data is not included in the purpose, or in the wording that the person agreed to.", "GDPR Art. 4(11), Art. 5(1)(b)"}},
	{ChannelNotCovered, Meaning{"The way in which the person is reached is not included in the purpose, or in the wording that the person agreed to.", "UWG §7(2); ePrivacy Directive Art. 13"}},
	{RecipientNotNamed, Meaning{"The operator of the service is a controller of its own, or sits in a country, that the wording does not name.", "GDPR Art. 13(1)(e), Art. 49(1)(a)"}},
	{AdvertiserNotNamed, Meaning{"The purpose advertises for somebody whom the wording does not name.", "UWG §7(2) no. 2; GDPR Art. 4(11)"}},
	{GoodsNotCovered, Meaning{"The purpose advertises goods that the wording does not include.", "GDPR Art. 4(11)"}},
	{NoticeTooOld, Meaning{"The person agreed to an older version of the wording than the purpose still accepts.", "GDPR Art. 7(1), (2)"}},
	{CollectedBeforeConsent, Meaning{"The data is older than the agreement, and the wording does not reach back.", "GDPR Art. 5(1)(b)"}},
	{Art14NoticeMissing, Meaning{"The data came from somebody else, and the person has not been told.", "GDPR Art. 14(3)"}},
	{DeviceAccessNotAllowed, Meaning{"The person has not allowed access to the device, which needs consent of its own.", "TDDDG §25(1); ePrivacy Directive Art. 5(3)"}},
	{IdentityAmbiguous, Meaning{"The identifier stands for more than one person.", "GDPR Art. 5(1)(d)"}},
	{SpecialCategoryConsentMissing, Meaning{"The purpose uses special categories of data, to which the person has not expressly agreed.", "GDPR Art. 9(1), (2)(a)"}},
	{NotSimilar, Meaning{"What the person bought is not similar to what is advertised.", "UWG §7(3) no. 2"}},
	{NoObjectionNotice, Meaning{"The person was not told of the right to object when the address was obtained.", "UWG §7(3) no. 4"}},
	{NoSale, Meaning{"The person has bought nothing, so there is no customer relationship.", "UWG §7(3) no. 1"}},
	{AddresseeKind, Meaning{"The purpose is for businesses only, and the addressee is not known to be one.", "UWG §7(2) no. 1"}},
	{GuardianConsentMissing, Meaning{"The person's verified age is unknown or below the minimum, and no guardian agreed.", "GDPR Art. 8(1)"}},
	{PersonUnresolved, Meaning{"The identifier is missing or cannot be read, so it is not known whose data it is and whether that person objected.", "GDPR Art. 5(1)(d), Art. 11"}},
}
