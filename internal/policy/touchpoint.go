package policy

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Touchpoint is a Touchpoint: a place where people are offered wordings.
type Touchpoint struct {
	Namespace, Name string
	Controller      string
	Place           ir.Place
	URL             string
	OptIn           []consent.NoticeID
	Ladder          []ir.LadderStep
	// Confirmation is nil for a touchpoint that brings evidence of its own; its hours are 0 where nothing is declared.
	Confirmation *ir.Confirmation
	// CoolDownDays and DeferDays are 0 where nothing is declared.
	CoolDownDays, DeferDays int
	// Writers are service accounts of the namespace.
	Writers []string
	// Intake is nil where no form of somebody else is taken in; its generation is 0 where nothing is declared.
	Intake *ir.Intake
}
