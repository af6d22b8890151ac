package compile

import (
	"slices"
	"strings"
)

// special are the special categories of personal data (GDPR Art. 9(1)): in the Data Privacy Vocabulary 2.x the terms of pd: below
// dpv:SpecialCategoryPersonalData.
var special = strings.Fields(`
	Biometric BloodType DNACode Disability DrugTestResult EthnicOrigin FacialExpression FacialPrint FamilyHealthHistory Fetish
	Fingerprint Genetic Health HealthHistory HealthRecord IndividualHealthHistory MedicalHealth MentalHealth PhilosophicalBelief
	PhysicalHealth PoliticalAffiliation PoliticalOpinion Prescription Proclivity Race Religion ReligiousBelief Retina Sexual
	SexualHistory SexualPreference TradeUnionMembership`)

// specialOf gives those of some categories that are special.
func specialOf(categories []string) []string {
	var out []string
	for _, c := range categories {
		if name, ok := strings.CutPrefix(c, "pd:"); (ok && slices.Contains(special, name)) || c == "dpv:SpecialCategoryPersonalData" {
			out = append(out, c)
		}
	}
	return out
}
