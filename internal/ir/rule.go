package ir

import "github.com/optup/optup/internal/consent"

// OnMissing is what happens to a person who may not be used for the request's purpose.
type OnMissing string

// What happens to people without permission, from the strictest to the mildest.
const (
	OnMissingDeny          OnMissing = "Deny"
	OnMissingDropRecord    OnMissing = "DropRecord"
	OnMissingDropAddressee OnMissing = "DropAddressee"
	OnMissingRedactField   OnMissing = "RedactField"
)

// OnEmpty is what happens to a request that has nobody left.
type OnEmpty string

// What happens to a request with nobody left.
const (
	OnEmptyDeny           OnEmpty = "Deny"
	OnEmptyAnswerAccepted OnEmpty = "AnswerAccepted"
)

// Redaction is how a value that may not be seen is taken out of an answer. Empty means Omit.
type Redaction string

// Redactions, from the strictest to the mildest.
const (
	RedactionOmit    Redaction = "Omit"
	RedactionNullify Redaction = "Nullify"
	RedactionMask    Redaction = "Mask"
)

// OnMixed is what happens to tracking where some addressees agreed to it and others did not.
type OnMixed string

// What happens to mixed batches.
const (
	OnMixedOffForAll     OnMixed = "OffForAll"
	OnMixedSplit         OnMixed = "Split"
	OnMixedDropAddressee OnMixed = "DropAddressee"
)

// TrackingRule gives tracking a purpose.
type TrackingRule struct {
	Tracking Tracking          `json:"tracking"`
	Purpose  consent.PurposeID `json:"purpose"`
	OnMixed  OnMixed           `json:"onMixed"`
}

// Rule lets one purpose use endpoints of one service. Rules of several policies stand side by side; where several match one
// request, all have to have the same purpose, and the strictest handling counts.
type Rule struct {
	// Policy is "namespace/name/rule" of the ConsentPolicy, for explanations.
	Policy    string            `json:"policy"`
	Purpose   consent.PurposeID `json:"purpose"`
	Service   string            `json:"service"`
	Endpoints []string          `json:"endpoints"`
	When      []Condition       `json:"when,omitempty"`
	OnMissing OnMissing         `json:"onMissing"`
	OnEmpty   OnEmpty           `json:"onEmpty"`
	Redaction Redaction         `json:"redaction,omitempty"`
	// Tracking that the rule allows; tracking that is not listed is turned off.
	Tracking []TrackingRule `json:"tracking,omitempty"`
	Mode     Mode           `json:"mode"`
}

// Source is where a request constant is found.
type Source string

// Sources of request constants.
const (
	SourceBody   Source = "Body"
	SourceHeader Source = "Header"
	SourcePath   Source = "Path"
	SourceQuery  Source = "Query"
)

// Condition compares a constant of the request, which tells purposes apart, with a list of values.
type Condition struct {
	Source Source `json:"source"`
	// Name is a JSON pointer (Body), a header or query name, or the name of a path segment in the endpoint's template.
	Name string   `json:"name"`
	In   []string `json:"in"`
}
