package doors

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// Question asks whether the subject (who asks) may do the action with the resource. There are two kinds. A use: the action is a processing,
// the resource a person. A request (RequestType), which sidecars answer: the action is a method, the resource an address of a declared
// service. What AuthZEN leaves open is in Context. Members that are left out of one of several questions are those of all of them.
type Question struct {
	Subject  *Subject  `json:"subject"`
	Action   *Action   `json:"action"`
	Resource *Resource `json:"resource"`
	Context  *Context  `json:"context"`
}

// Subject is whoever would use the data. Who that is follows from the token, or from the pod; what is said here is only checked to be there.
type Subject struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Action is a processing (send, show, profile), or the method of a request.
type Action struct {
	Name string `json:"name"`
}

// RequestType is the type of a resource that is a request.
const RequestType = "request"

// Resource is a person, with the type of an identifier (email, phone, customer, device) and the identifier as ID, or a request, whose ID is
// its URL as it is sent.
type Resource struct {
	Type       string     `json:"type"`
	ID         string     `json:"id"`
	Properties Properties `json:"properties"`
}

// Properties of a resource.
type Properties struct {
	// Form is that of a hashed identifier (SHA256, MD5).
	Form consent.Form `json:"form"`
	// Headers and Body are those of a request. Body is nil for none.
	Headers map[string]string `json:"headers"`
	Body    *string           `json:"body"`
}

// Context is what else counts.
type Context struct {
	// Purpose is required for a use. For a request it chooses among the rules that match, as the header OptUp-Purpose does.
	Purpose consent.PurposeID `json:"purpose"`
	// Channel is how the person would be reached; whoever sends names one.
	Channel    consent.Channel `json:"channel"`
	Categories []string        `json:"dataCategories"`
	// Obligations are those that the caller promises to meet. Without the promise a decision that rests on one is false.
	Obligations []ir.Obligation `json:"obligations"`
	// Recipient is who would receive the data; nil for a processor of the controller.
	Recipient *Recipient `json:"recipient"`
}

// Recipient is a party beside the controller.
type Recipient struct {
	Name string  `json:"name"`
	Role ir.Role `json:"role"`
	// Transfer says where the data would go, where it leaves the European Economic Area, and what that rests on.
	Transfer *ir.Transfer `json:"transfer"`
}

// Party is a recipient as decisions know it.
func (r *Recipient) Party() ir.Party {
	if r == nil {
		return ir.Party{}
	}
	return ir.Party{Name: r.Name, Role: r.Role, Transfer: r.Transfer}
}

// Answer to one question.
type Answer struct {
	Decision bool `json:"decision"`
	Context  Note `json:"context"`
}

// Note is what an answer says beside yes and no. Reasons are of the request, and of the person no more than NOT_PERMITTED, except for
// officers.
type Note struct {
	Reason decide.Reason `json:"reason,omitzero"`
	// Obligations have to be met for the decision to hold. Bodies are what to send where one of them is replace-body: one request for each.
	Obligations []ir.Obligation   `json:"obligations,omitempty"`
	Bodies      []string          `json:"bodies,omitzero"`
	Purpose     consent.PurposeID `json:"purpose,omitzero"`
	// ID names the decision in the records of uses. Questions that were decided alike share one.
	ID string `json:"decisionId,omitzero"`
	// Observed tells that the policy only observes: nothing would have been enforced by the sidecar itself.
	Observed bool             `json:"observed,omitzero"`
	Position consent.Position `json:"position,omitzero"`
	Error    *Failure         `json:"error,omitempty"`
}

// Failure is what is wrong with one question among several.
type Failure struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

// over takes what a question leaves out from the one that stands for all: whole members, and of those that are there the names.
func (q *Question) over(all *Question) {
	q.Subject = orElse(q.Subject, all.Subject, func(own *Subject, of Subject) { fill(&own.Type, of.Type); fill(&own.ID, of.ID) })
	q.Action = orElse(q.Action, all.Action, func(own *Action, of Action) { fill(&own.Name, of.Name) })
	q.Resource = orElse(q.Resource, all.Resource, func(own *Resource, of Resource) { fill(&own.Type, of.Type); fill(&own.ID, of.ID) })
	if q.Context == nil {
		q.Context = all.Context
	}
}

func orElse[T any](own, all *T, complete func(own *T, of T)) *T {
	switch {
	case own == nil:
		return all
	case all != nil:
		complete(own, *all)
	}
	return own
}

func fill(own *string, of string) {
	if *own == "" {
		*own = of
	}
}

// asks tells whether a question has what AuthZEN requires.
func (q *Question) asks() bool {
	return q.Subject != nil && q.Subject.Type != "" && q.Subject.ID != "" && q.Action != nil && q.Action.Name != "" &&
		q.Resource != nil && q.Resource.Type != "" && q.Resource.ID != ""
}
