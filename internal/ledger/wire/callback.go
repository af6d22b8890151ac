package wire

import (
	"time"

	"github.com/optup/optup/internal/consent"
)

// CallbacksVersion is the version of the events of callbacks that this package speaks, CallbacksPath where a ledger takes them.
const (
	CallbacksVersion = 1
	CallbacksPath    = "/v1/callback-events"
)

// Limits of one call.
const (
	MaxCallbackBytes  = 2 << 20
	MaxCallbackEvents = 1024
)

// CallbackEvents are what people said by one service that calls a workload. Which workload it was is for the ledger to know from the
// sidecar's grant, and so is what it may tell.
type CallbackEvents struct {
	Version int `json:"version"`
	// Service is "namespace/name" of the DataService.
	Service string          `json:"service"`
	Events  []CallbackEvent `json:"events"`
}

// CallbackEvent is one event about one person.
type CallbackEvent struct {
	// Key tells an event that comes again; it is the service's own id of it, with what is told by it. At most 255 bytes.
	Key        string             `json:"key"`
	Identifier consent.Identifier `json:"identifier"`
	Type       consent.EventType  `json:"type"`
	Scope      consent.Scope      `json:"scope,omitempty"`
	Channel    consent.Channel    `json:"channel,omitempty"`
	Purpose    consent.PurposeID  `json:"purpose,omitempty"`
	// OccurredAt is when the person acted, as the service says; zero where it does not.
	OccurredAt time.Time `json:"occurredAt,omitzero"`
}

// CallbackTaken answers. All events that are not refused are durable.
type CallbackTaken struct {
	Appended int `json:"appended"`
	// Replayed were there before.
	Replayed int `json:"replayed"`
	// Refused cannot be taken, whenever they are sent: their identifier is none, or their key was used for something else.
	Refused int `json:"refused"`
	// Position is that of the newest.
	Position consent.Position `json:"position,omitempty"`
}
