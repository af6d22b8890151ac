package policy

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Callback is what a DataService calls workloads with.
type Callback struct {
	Name    string
	Methods []string // none means POST
	// Signature has no tolerance where none is declared; Key is empty, and KeyRef says where the secret is.
	Signature ir.Signature
	KeyRef    *SecretRef
	Body      *ir.Message
	ID, Kind  string
	Kinds     []CallbackKind
	Events    []CallbackEvent
}

// SecretRef names one key of a Secret in the namespace of the object that names it.
type SecretRef struct{ Name, Key string }

// CallbackKind is one kind of the records of a callback.
type CallbackKind struct {
	Name       string
	In         []string
	Processing []ir.Processing
}

// CallbackEvent is an event that records tell a ledger. Controller is empty where the purpose tells it.
type CallbackEvent struct {
	When       []ir.RecordCondition
	Type       consent.EventType
	Scope      consent.Scope
	Channel    consent.Channel
	Purpose    consent.PurposeID
	Controller string
}

// CallbackUse lets a callback of a service reach the workloads of a policy, at a port and path of theirs.
type CallbackUse struct {
	Name     string
	Service  ServiceRef
	Callback string
	Port     int
	Path     string
	// Records say which kinds pass, and for what.
	Records   []RecordsUse
	Redaction ir.Redaction // "" means Omit
}

// RecordsUse is the purpose of one kind of records.
type RecordsUse struct {
	Kind      string
	Purpose   consent.PurposeID
	OnMissing ir.OnMissing // "" means DropRecord
}
