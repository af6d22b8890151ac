package decide

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Gate is one question that has to be answered for a permission. Names are part of the public API.
type Gate string

// Gates, in the order in which they are asked.
const (
	GatePurpose     Gate = "purpose"
	GateNamespace   Gate = "namespace"
	GateParty       Gate = "party"
	GateTransfer    Gate = "transfer"
	GateProcessing  Gate = "processing"
	GateChannel     Gate = "channel"
	GateCategory    Gate = "category"
	GateRestriction Gate = "restriction"
	GateSuppression Gate = "suppression"
	GateFreshness   Gate = "freshness"
	GateIdentity    Gate = "identity"
	GateAddressee   Gate = "addressee"
	GateAge         Gate = "age"
	GateObjection   Gate = "objection"
	GateInformation Gate = "information"
	GateGrant       Gate = "grant"
	GateDevice      Gate = "deviceAccess"
	GateObligation  Gate = "obligation"
	GateTracking    Gate = "tracking"
	GateGround      Gate = "ground"
)

// Step is how one gate was passed, or not.
type Step struct {
	Gate Gate `json:"gate"`
	// Passed tells that the gate let the request through; Reason is why it did not, or the ground that carried.
	Passed bool   `json:"passed"`
	Reason Reason `json:"reason,omitempty"`
	// About is what the gate looked at: a ground, a purpose, a kind of tracking.
	About string `json:"about,omitempty"`
	// Grant and Notice are those that the gate looked at.
	Grant  consent.Position `json:"grant,omitempty"`
	Notice consent.NoticeID `json:"notice,omitempty"`
	// Purpose is that of the question where it is not the request's own: access to the device, or tracking.
	Purpose consent.PurposeID `json:"purpose,omitempty"`
}

// Trace collects how a decision came about. A nil trace collects nothing.
type Trace struct{ Steps []Step }

// inner is the trace of a question within the question.
func (t *Trace) inner() *Trace {
	if t == nil {
		return nil
	}
	return &Trace{}
}

// take adds what was asked within, for another purpose.
func (t *Trace) take(inner *Trace, purpose consent.PurposeID) {
	if t == nil {
		return
	}
	for _, s := range inner.Steps {
		if s.Purpose == "" {
			s.Purpose = purpose
		}
		t.Steps = append(t.Steps, s)
	}
}

func (t *Trace) gate(g Gate, reason Reason, about string) {
	if t != nil {
		t.Steps = append(t.Steps, Step{Gate: g, Passed: reason == "", Reason: reason, About: about})
	}
}

func (t *Trace) ground(g ir.Ground, reason Reason) {
	if t != nil {
		t.Steps = append(t.Steps, Step{Gate: GateGround, Passed: reason.Permits(), Reason: reason, About: string(g)})
	}
}

func (t *Trace) grant(g *consent.Grant, reason Reason) {
	if t != nil {
		t.Steps = append(t.Steps, Step{Gate: GateGrant, Passed: reason == "", Reason: reason, Grant: g.Position, Notice: g.Notice})
	}
}

// Explain decides about one person as Person does, and tells every gate that was asked on the way. It is for the officer role and for
// tests: its steps tell what is known about a person.
func (p *Plan) Explain(facts Facts, collected Collected, now Now) (Verdict, []Step) {
	t := &Trace{}
	for _, s := range p.gates() {
		t.gate(s.gate, s.reason, s.about)
	}
	v := p.person(facts, collected, now, t)
	return v, t.Steps
}
