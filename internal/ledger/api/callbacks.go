package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// callbackEvents answers POST /v1/callback-events: what people said by a service that calls the workload of a sidecar. The sidecar's grant
// says which events it may tell, one by one, and no grant lets it tell one that permits something.
func (a *API) callbackEvents(w http.ResponseWriter, r *http.Request) error {
	from, err := a.Guard.Sidecar(r)
	if err != nil {
		return err
	}
	var in wire.CallbackEvents
	if err := read(w, r, wire.MaxCallbackBytes, &in); err != nil {
		return err
	}
	if in.Version != wire.CallbacksVersion {
		return problem.Invalid("this ledger takes events of callbacks of version 1; upgrade it")
	}
	if len(in.Events) == 0 || len(in.Events) > wire.MaxCallbackEvents || len(in.Service) > 2*maxName || !nameShape.MatchString(in.Service) {
		return problem.Invalid("name the DataService as namespace/name, and give 1 to 1024 events")
	}
	var taken wire.CallbackTaken
	all := make([]store.Append, 0, len(in.Events))
	for i := range in.Events {
		e := &in.Events[i]
		if !from.MayTell(identity.Restriction{Service: in.Service, Type: e.Type, Scope: e.Scope, Channel: e.Channel, Purpose: e.Purpose}) {
			return problem.Forbidden("the sidecar's grant does not name this event; declare it in spec.callbacks of the DataService, with an event that restricts")
		}
		if e.Key == "" || len(e.Key) > maxKey {
			return problem.Invalid("give each event a key of 1 to 255 bytes")
		}
		one, err := a.callbackEvent(from, in.Service, e)
		if err != nil {
			return err
		}
		if one == nil {
			taken.Refused++
			continue
		}
		all = append(all, *one)
	}
	if err := a.appendTold(r, all, &taken); err != nil {
		return err
	}
	return answer(w, http.StatusOK, taken)
}

// callbackEvent gives the event to append; nil if its identifier is none, because nobody can be found by it.
func (a *API) callbackEvent(from access.Sidecar, service string, e *wire.CallbackEvent) (*store.Append, error) {
	who, err := a.identity(e.Identifier)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // it is counted as refused
	}
	event := consent.Event{
		Type: e.Type, Scope: e.Scope, Channel: e.Channel, Purpose: e.Purpose,
		// The service says it, and nobody else was there.
		Actor: consent.ActorTouchpoint, OccurredAt: a.occurred(e.OccurredAt),
	}
	one := &store.Append{Identities: []store.Identity{who}, Event: event, Key: a.Keys.Name("callback", from.Namespace, service, e.Key)}
	event.OccurredAt = time.Time{} // one that was ahead of our clock, and comes again later, is the same event
	if one.Digest, err = digest(one.Identities, event); err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{
		"kind": "callback", "service": service, "namespace": from.Namespace, "workload": from.Workload, "reference": reference(e.Key),
	})
	one.Attachments = []store.Attachment{{Kind: store.KindEvidence, Body: body}}
	return one, err
}

// occurred is when somebody acted, as a service says. Its clock may be wrong, and its word does not count then: what restricts must not be
// lost for that.
func (a *API) occurred(at time.Time) time.Time {
	if at.After(a.Now().Add(maxAhead)) || at.Year() < 1970 {
		return time.Time{}
	}
	return at.UTC()
}

// reference is what the service finds the event by: the part of the key that is its own id.
func reference(key string) string {
	id, _, _ := strings.Cut(key, " ")
	return id
}

// appendTold appends, and counts what became of each event. Events that the store refuses by themselves are counted; whatever else goes wrong
// fails as a whole, and may be sent again.
func (a *API) appendTold(r *http.Request, all []store.Append, taken *wire.CallbackTaken) error {
	for len(all) > 0 {
		some := all[:min(len(all), advanceAtOnce)]
		all = all[len(some):]
		results, errs, err := a.Store.Append(r.Context(), some...)
		if err != nil {
			return err
		}
		for i, err := range errs {
			switch {
			case err == nil && results[i].Replayed:
				taken.Replayed++
				a.Appended(string(some[i].Event.Type), "replayed")
			case err == nil:
				taken.Appended++
				a.Appended(string(some[i].Event.Type), "appended")
			case errors.Is(err, consent.ErrInvalid), errors.Is(err, consent.ErrConflict), errors.Is(err, store.ErrIdempotency):
				taken.Refused++
				_ = a.refused(some[i].Event, err) // counts it
				continue
			default:
				return err
			}
			taken.Position = max(taken.Position, results[i].Position)
		}
	}
	return nil
}
