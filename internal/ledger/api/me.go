package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/evidence"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/store"
)

// me answers GET /v1/me?language=: what whoever has signed in agreed to, in words, and what holds for them now.
func (a *API) me(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	return a.tell(w, r, c.Person, r.URL.Query().Get("language"), a.desk.State)
}

// myExport answers GET /v1/me/export?language=: everything that is known about whoever has signed in (GDPR Art. 15, 20).
func (a *API) myExport(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	return a.tell(w, r, c.Person, r.URL.Query().Get("language"), a.desk.Export)
}

// tell answers with what the desk says about somebody.
func (a *API) tell(
	w http.ResponseWriter, r *http.Request, person *consent.Identifier, language string,
	what func(context.Context, pages.Who, string) (any, error),
) error {
	if a.desk == nil {
		return problem.Unavailable("the store of this ledger cannot tell what it holds about a person")
	}
	if person == nil {
		return problem.Forbidden("the token names nobody")
	}
	if len(language) > 35 {
		return problem.Invalid("give a language as a BCP 47 tag, such as de")
	}
	who, err := a.Keys.Identity(*person)
	if err != nil {
		return problem.Invalid(identifierHint)
	}
	out, err := what(r.Context(), pages.Who{Tags: who.First}, language)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, out)
}

// ownEvents are what people may say themselves. All of them restrict; a yes is given where a touchpoint shows its words.
var ownEvents = []consent.EventType{consent.EventWithdrawn, consent.EventObjected, consent.EventRestricted, consent.EventErasureRequested}

// myEvents answers POST /v1/me/events. It is about whoever the token names, and the body has no member for anybody.
func (a *API) myEvents(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	wait, err := awaits(r)
	if err != nil {
		return err
	}
	var in struct {
		Event struct {
			Type    consent.EventType `json:"type"`
			Purpose consent.PurposeID `json:"purpose,omitzero"`
			Grant   consent.Position  `json:"grant,omitzero"`
			Scope   consent.Scope     `json:"scope,omitzero"`
			Channel consent.Channel   `json:"channel,omitzero"`
		} `json:"event"`
	}
	if err := read(w, r, maxLookup, &in); err != nil {
		return err
	}
	if c.Person == nil {
		return problem.Forbidden("the token names nobody")
	}
	if !slices.Contains(ownEvents, in.Event.Type) {
		return problem.Invalid("say withdrawn, objected, restricted or erasureRequested; agree where a touchpoint asks, with the words that it shows")
	}
	e, items := event{Type: in.Event.Type, Purpose: in.Event.Purpose, Grant: in.Event.Grant, Scope: in.Event.Scope, Channel: in.Event.Channel}.check(a.Now())
	if len(items) > 0 {
		return wrongEvent(items)
	}
	e.Actor, e.Proof = consent.ActorPerson, consent.ProofAuthenticatedSession
	who, err := a.identity(*c.Person)
	if err != nil {
		return err
	}
	one := store.Append{Identities: []store.Identity{who}, Event: e}
	if one.Key, one.Digest, err = a.key(r.Header.Get(keyHeader), c, one.Identities, e); err != nil {
		return err
	}
	// The ledger checked the token itself, so it is its own witness.
	issuer, subject, _ := strings.Cut(c.Subject, " ")
	body, err := shown(&evidence.Evidence{
		Kind: evidence.Login, Session: &evidence.Session{Issuer: issuer, AuthenticatedAt: a.Now().UTC(), Reference: cut(subject)},
	}, e.Proof, "proof", a.Now())
	if err != nil {
		return err
	}
	one.Attachments = []store.Attachment{{Kind: store.KindEvidence, Body: body}}
	return a.put(w, r, one, wait)
}

// cut keeps a reference within what evidence takes.
func cut(s string) string { return s[:min(len(s), 512)] }

// exportOf answers POST /v1/people/export: what GET /v1/me/export tells the person, for an officer who answers a request. The identifier is
// in the body.
func (a *API) exportOf(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	var in struct {
		Identifier consent.Identifier `json:"identifier"`
		Language   string             `json:"language,omitzero"`
	}
	if err := read(w, r, maxLookup, &in); err != nil {
		return err
	}
	return a.tell(w, r, &in.Identifier, in.Language, a.desk.Export)
}

// erase answers POST /v1/people/erase: everything that the log and the vault hold about a person goes, with the keys that sealed it; what
// stays is that nothing may be sent to them (GDPR Art. 17, 21(3)).
func (a *API) erase(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	wait, err := awaits(r)
	if err != nil {
		return err
	}
	var in struct {
		Identifier consent.Identifier `json:"identifier"`
	}
	if err := read(w, r, maxLookup, &in); err != nil {
		return err
	}
	who, err := a.identity(in.Identifier)
	if err != nil {
		return problem.Invalid(identifierHint)
	}
	known := false
	for _, tag := range who.Tags {
		record, err := a.Store.Lookup(r.Context(), tag)
		if err != nil {
			return err
		}
		known = known || record.Position != 0
	}
	if !known {
		return problem.NotFound("the ledger knows nobody by this identifier; to keep them from being written to, append suppressed")
	}
	one := store.Append{Identities: []store.Identity{who}, Event: consent.Event{Type: consent.EventErased, Actor: consent.ActorOfficer}}
	if one.Key, one.Digest, err = a.key(r.Header.Get(keyHeader), c, one.Identities, one.Event); err != nil {
		return err
	}
	return a.put(w, r, one, wait)
}
