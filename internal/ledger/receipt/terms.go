package receipt

import (
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// terms gives names of fields and prefixes of terms their meaning, so that nobody has to fetch anything to read a receipt.
func terms() map[string]any {
	id := func(of string) map[string]any { return map[string]any{"@id": of, "@type": "@id"} }
	return map[string]any{
		"dpv": "https://w3id.org/dpv#", "pd": "https://w3id.org/dpv/pd#", "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
		"dct": "http://purl.org/dc/terms/", "xsd": "http://www.w3.org/2001/XMLSchema#", "optup": optup,
		"schema_version": "dct:conformsTo", "receipt_id": "dct:identifier", "record_id": "dct:identifier",
		"consent_record": "dct:subject", "pii_principal_id": "dpv:hasDataSubject", "pii_processing": "dpv:hasProcess",
		"privacy_notice": "dpv:hasNotice", "notice": "dct:title", "wordings": "dct:hasPart", "language": "dct:language", "sha256": "optup:sha256",
		"purposes": "dpv:hasPurpose", "purpose": "dct:title", "purpose_type": id("dct:type"), "lawful_basis": id("dpv:hasLegalBasis"),
		"pii_information": "dpv:hasPersonalData", "pii_type": id("dct:type"), "special_pii_category": "optup:isSpecialCategory",
		"pii_controllers": "dpv:hasDataController", "processing_method": id("dpv:hasProcessing"), "services": "optup:channel",
		"recipient_third_parties": "dpv:hasRecipientThirdParty", "validity_duration": map[string]any{"@id": "dpv:hasDuration", "@type": "xsd:duration"},
		"party_identification": "dpv:hasEntity", "party_id": "dct:identifier", "party_role": id("dct:type"),
		"event": "dpv:hasConsentStatus", "event_time": map[string]any{"@id": "dct:date", "@type": "xsd:dateTime"},
		"acted_at": map[string]any{"@id": "dct:created", "@type": "xsd:dateTime"}, "entity_id": "dpv:isIndicatedBy", "touchpoint": "optup:touchpoint",
		"event_type": "optup:eventType", "event_state": id("dct:type"), "evidence": "optup:evidence",
		"proof": "optup:proof", "position": "optup:position", "salt": "optup:salt", "entry": "optup:entry", "inclusion_path": map[string]any{"@id": "optup:inclusionPath", "@container": "@list"},
		"checkpoint": "optup:checkpoint", "statement": "optup:statement",
	}
}

const optup = "https://consent.optup.dev/ns#"

var grounds = map[ir.Ground]string{
	ir.GroundConsent: "eu-gdpr:A6-1-a", ir.GroundSpecialCategoryConsent: "eu-gdpr:A9-2-a", ir.GroundContract: "eu-gdpr:A6-1-b",
	ir.GroundLegalObligation: "eu-gdpr:A6-1-c", ir.GroundVitalInterest: "eu-gdpr:A6-1-d", ir.GroundPublicTask: "eu-gdpr:A6-1-e",
	ir.GroundLegitimateInterest: "eu-gdpr:A6-1-f", ir.GroundExistingCustomer: "optup:ePrivacy-13-2", ir.GroundPresumedConsent: "optup:UWG-7-2-1",
}

var methods = map[ir.Processing]string{
	ir.ProcessingCollect: "dpv:Collect", ir.ProcessingStore: "dpv:Store", ir.ProcessingCombine: "dpv:Combine", ir.ProcessingProfile: "dpv:Profiling",
	ir.ProcessingAnalyse: "dpv:Analyse", ir.ProcessingSegment: "dpv:Filter", ir.ProcessingSend: "dpv:Use", ir.ProcessingShow: "dpv:Use",
	ir.ProcessingDisclose: "dpv:DiscloseByTransmission", ir.ProcessingTrack: "dpv:Tracking", ir.ProcessingErase: "dpv:Erase",
	ir.ProcessingRestrict: "dpv:Restrict",
}

// state is the consent that an event leaves behind; empty for events that are not about consent.
func state(e consent.Event) string {
	switch e.Type {
	case consent.EventGiven, consent.EventWidened:
		switch {
		case e.Pending:
			return "optup:ConsentPendingConfirmation"
		case e.Actor == consent.ActorImport && e.Proof == consent.ProofNone:
			return "optup:ConsentUnproven"
		}
		return "dpv:ConsentGiven"
	case consent.EventConfirmed:
		return "dpv:ConsentGiven"
	case consent.EventRenewed:
		return "dpv:RenewedConsentGiven"
	case consent.EventWithdrawn:
		return "dpv:ConsentWithdrawn"
	case consent.EventCancelled:
		return "dpv:ConsentRevoked"
	case consent.EventDisowned:
		return "dpv:ConsentInvalidated"
	case consent.EventAsked:
		return "dpv:ConsentRequested"
	case consent.EventRefused:
		return "dpv:ConsentRefused"
	case consent.EventDeferred:
		return "dpv:ConsentRequestDeferred"
	default:
		return ""
	}
}

// basis are the grounds of a purpose that an event can be about: consent, or what a sale founds.
func basis(e consent.Event, all []ir.Ground) []string {
	var out []string
	for _, g := range all {
		byConsent := g == ir.GroundConsent || g == ir.GroundSpecialCategoryConsent || g == ir.GroundPresumedConsent
		if byConsent != (e.Type == consent.EventRelationship) {
			out = append(out, grounds[g])
		}
	}
	return out
}

func category(c string) string {
	if strings.Contains(c, ":") {
		return c
	}
	return "pd:" + c
}
