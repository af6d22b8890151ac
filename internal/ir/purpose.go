package ir

import "github.com/optup/optup/internal/consent"

// Ground is a legal ground. Names follow the public vocabulary; sources are with the legality matrix in internal/compile.
type Ground string

// Grounds.
const (
	GroundConsent                Ground = "consent"
	GroundSpecialCategoryConsent Ground = "specialCategoryConsent"
	GroundContract               Ground = "contract"
	GroundLegalObligation        Ground = "legalObligation"
	GroundVitalInterest          Ground = "vitalInterest"
	GroundPublicTask             Ground = "publicTask"
	GroundLegitimateInterest     Ground = "legitimateInterest"
	GroundExistingCustomer       Ground = "existingCustomer"
	GroundPresumedConsent        Ground = "presumedConsent"
)

// Processing is what is done with data.
type Processing string

// Processings.
const (
	ProcessingCollect  Processing = "collect"
	ProcessingStore    Processing = "store"
	ProcessingCombine  Processing = "combine"
	ProcessingProfile  Processing = "profile"
	ProcessingAnalyse  Processing = "analyse"
	ProcessingSegment  Processing = "segment"
	ProcessingSend     Processing = "send"
	ProcessingShow     Processing = "show"
	ProcessingDisclose Processing = "disclose"
	ProcessingTrack    Processing = "track"
	ProcessingErase    Processing = "erase"
	ProcessingRestrict Processing = "restrict"
)

// ObjectionEffect is how an objection hits a purpose.
type ObjectionEffect string

// Objection effects (GDPR Art. 21(1) to (3)).
const (
	ObjectionDirectMarketing ObjectionEffect = "DirectMarketing"
	ObjectionOwnSituation    ObjectionEffect = "OwnSituation"
	ObjectionNone            ObjectionEffect = "None"
)

// Purpose is one purpose of one controller. Restrictions of its parents are already folded in.
type Purpose struct {
	Name       consent.PurposeID `json:"name"`
	Controller string            `json:"controller"`
	Grounds    []Ground          `json:"grounds"`
	Processing []Processing      `json:"processing"`
	Categories []string          `json:"categories,omitempty"`
	Channels   []consent.Channel `json:"channels,omitempty"`
	Objection  ObjectionEffect   `json:"objection"`
	// Proofs are alternatives: a grant needs one of them. None means that the act itself is enough.
	Proofs []consent.Proof `json:"proofs,omitempty"`
	// ValidForDays is how long a grant lasts from when it was given or renewed; 0 means without end.
	ValidForDays int `json:"validForDays,omitempty"`
	// UnusedForDays is after how many days without a use a grant no longer permits; 0 means never.
	UnusedForDays  int             `json:"unusedForDays,omitempty"`
	MinimumAge     int             `json:"minimumAge,omitempty"`
	MinimumNotices []NoticeMinimum `json:"minimumNotices,omitempty"`
	// DeviceAccess is the purpose whose grant allows access to the person's device (TDDDG §25(1)); empty where no device is accessed,
	// or access is strictly necessary.
	DeviceAccess consent.PurposeID `json:"deviceAccess,omitempty"`
	// BusinessOnly tells that people count only once they are known to be businesses.
	BusinessOnly bool `json:"businessOnly,omitempty"`
	// ThirdPartyData tells that the person was not asked for the data and has to be told of it (GDPR Art. 14).
	ThirdPartyData bool `json:"thirdPartyData,omitempty"`
	// Anonymous tells that only figures about many people may come out (GDPR Recital 26).
	Anonymous bool `json:"anonymous,omitempty"`
	// Advertisers are those for whom is advertised, besides the controller.
	Advertisers []string `json:"advertisers,omitempty"`
	// Goods that are advertised; an existing customer may be told about the controller's own similar ones only.
	Goods []string `json:"goods,omitempty"`
	// Special are those of Categories that are special (GDPR Art. 9(1)). A wording has to name them expressly.
	Special []string `json:"special,omitempty"`
	// Blocked is the reason code that every request under this purpose gets, because the purpose dangles, is unlawful or does not
	// allow the namespace; empty for a sound purpose.
	Blocked string `json:"blocked,omitempty"`
	// Labels name the purpose for people; in bundles of ledgers only, as what follows.
	Labels []Label `json:"labels,omitempty"`
	// DPV is the term of the Data Privacy Vocabulary that comes closest, for receipts.
	DPV string `json:"dpv,omitempty"`
	// EvidenceRetentionDays is how long the evidence of a grant is kept after its last use; 0 means until erasure.
	EvidenceRetentionDays int `json:"evidenceRetentionDays,omitempty"`
}

// NoticeMinimum is the oldest version of a series of wordings that still counts.
type NoticeMinimum struct {
	Series  string `json:"series"`
	Version int    `json:"version"`
}

// Notice is what one version of a wording covers.
type Notice struct {
	Name       consent.NoticeID    `json:"name"`
	Series     string              `json:"series,omitempty"`
	Version    int                 `json:"version,omitempty"`
	Controller string              `json:"controller"`
	Purposes   []consent.PurposeID `json:"purposes"`
	Processing []Processing        `json:"processing"`
	Channels   []consent.Channel   `json:"channels,omitempty"`
	Recipients []string            `json:"recipients,omitempty"`
	// Goods that the wording is limited to; none means that it is not limited.
	Goods       []string `json:"goods,omitempty"`
	Advertisers []string `json:"advertisers,omitempty"`
	// Special are the special categories of data that the wording names (GDPR Art. 9(2)(a)).
	Special []string `json:"special,omitempty"`
	// Transfers are the countries that the wording names (GDPR Art. 49(1)(a)).
	Transfers []string `json:"transfers,omitempty"`
	// EarlierData tells that the wording also covers data collected before the person agreed.
	EarlierData bool `json:"earlierData,omitempty"`
	// Texts are the wording, word for word, one per language; in bundles of ledgers only.
	Texts []Text `json:"texts,omitempty"`
}
