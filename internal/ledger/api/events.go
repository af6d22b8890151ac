package api

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/evidence"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/receipt"
	"github.com/optup/optup/internal/ledger/store"
)

const (
	maxIdentifiers = 16
	maxKey         = 255
	keyHeader      = "Idempotency-Key"
)

// appended is the answer to an event.
type appended struct {
	Position consent.Position `json:"position"`
	At       time.Time        `json:"at"`
	Epoch    string           `json:"epoch,omitempty"`
	// Replayed tells that the event had been appended before, with the same idempotency key.
	Replayed bool `json:"replayed,omitempty"`
	enforcement
	// The log of Size entries with this Root has Leaf at Position: what it takes to ask for a proof later, and to compare. Hashes are in
	// hexadecimal.
	Size consent.Position `json:"size"`
	Root string           `json:"root"`
	Leaf string           `json:"leaf"`
	// Receipt is there if the caller asked for it with ?receipt=true.
	Receipt *receipt.Receipt `json:"receipt,omitempty"`
}

// acknowledge makes the answer to an event that was appended.
func (a *API) acknowledge(w http.ResponseWriter, r *http.Request, at store.Result) appended {
	out := appended{
		Position: at.Position, At: at.At, Replayed: at.Replayed, Size: at.Size, Root: proof.Format(at.Root), Leaf: proof.Format(at.Leaf),
	}
	if r.URL.Query().Get("receipt") != "true" {
		return out
	}
	issued, err := a.receipts.Of(r.Context(), at.Position)
	if err == nil {
		out.Receipt = &issued
	} else if !errors.Is(err, receipt.ErrErased) { // as is an event that comes again after an erasure
		// The event is appended whatever becomes of the receipt, which an officer can still get.
		a.Logger.Error("a receipt could not be issued", "request", w.Header().Get(requestHeader), "position", at.Position, "error", err)
	}
	return out
}

// events answers POST /v1/events: one event about one person.
func (a *API) events(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	wait, err := awaits(r)
	if err != nil {
		return err
	}
	var in struct {
		Identifiers []consent.Identifier `json:"identifiers"`
		Event       event                `json:"event"`
		Evidence    *evidence.Evidence   `json:"evidence"`
	}
	if err := read(w, r, maxEvent, &in); err != nil {
		return err
	}
	who, err := a.identities(in.Identifiers)
	if err != nil {
		return err
	}
	e, items := in.Event.check(a.Now())
	if len(items) > 0 {
		return wrongEvent(items)
	}
	if err := stand(&e, sourceOf(c, e.Type)); err != nil {
		return err
	}
	if err := a.mayAppend(r.Context(), c, who, e); err != nil {
		return err
	}
	one := store.Append{Identities: who, Event: e}
	if one.Key, one.Digest, err = a.key(r.Header.Get(keyHeader), c, who, e); err != nil {
		return err
	}
	if err := prove(&one, in.Evidence, a.Now()); err != nil {
		return err
	}
	return a.put(w, r, one, wait)
}

// wrongEvent names the members of an event that have to be corrected.
func wrongEvent(items []problem.Item) error {
	for i := range items {
		items[i].Member = "/event/" + items[i].Member
	}
	p := problem.Invalid("correct the members that are named")
	p.Errors = items
	return p
}

// put appends one event and answers with its place.
func (a *API) put(w http.ResponseWriter, r *http.Request, one store.Append, wait bool) error {
	results, errs, err := a.Store.Append(r.Context(), one)
	if err != nil {
		return err
	}
	if errs[0] != nil {
		return a.refused(one.Event, errs[0])
	}
	outcome := "appended"
	if results[0].Replayed {
		outcome = "replayed"
	}
	a.Appended(string(one.Event.Type), outcome)
	w.Header().Set("OptUp-Position", strconv.FormatUint(uint64(results[0].Position), 10))
	out := a.acknowledge(w, r, results[0])
	status := http.StatusCreated
	if wait {
		status, out.enforcement = a.enforced(r.Context(), out.Position)
	}
	return answer(w, status, out)
}

// identities gives the identities of identifiers, all of one person.
func (a *API) identities(identifiers []consent.Identifier) ([]store.Identity, error) {
	if len(identifiers) == 0 || len(identifiers) > maxIdentifiers {
		return nil, problem.Invalid("give 1 to 16 identifiers of one person")
	}
	all := make([]store.Identity, 0, len(identifiers))
	var items []problem.Item
	for n, i := range identifiers {
		one, err := a.identity(i)
		if err != nil {
			items = append(items, problem.Item{Member: "/identifiers/" + strconv.Itoa(n), Detail: identifierHint})
			continue
		}
		all = append(all, one)
	}
	if len(items) > 0 {
		p := problem.Invalid("correct the identifiers that are named")
		p.Errors = items
		return nil, p
	}
	return all, nil
}

func (a *API) identity(i consent.Identifier) (store.Identity, error) {
	return a.Keys.Identity(i)
}

const identifierHint = "give a type (email, phone, customer, device), a form (Plain, SHA256, MD5; Plain if left out) and a value that fits them: " +
	"an address, an E.164 number such as +49301234567, printable ASCII, or hexadecimal"

// key scopes an idempotency key to its caller and binds it to the content. What callers choose as a key may tell who a person is,
// so a keyed name is stored.
func (a *API) key(key string, c access.Caller, who []store.Identity, e consent.Event) (string, [32]byte, error) {
	if key == "" {
		return "", [32]byte{}, nil
	}
	if len(key) > maxKey {
		return "", [32]byte{}, problem.Malformed("give an " + keyHeader + " of at most 255 bytes")
	}
	digest, err := digest(who, e)
	return a.Keys.Name("event", c.Subject, key), digest, err
}

func digest(who []store.Identity, e consent.Event) ([32]byte, error) {
	content, err := json.Marshal(e)
	if err != nil {
		return [32]byte{}, err
	}
	var sorted []consent.Tag
	for _, id := range who {
		sorted = append(sorted, id.Stable()...)
	}
	slices.SortFunc(sorted, func(x, y consent.Tag) int { return slices.Compare(x[:], y[:]) })
	sorted = slices.Compact(sorted)
	h := sha256.New()
	for _, t := range sorted {
		h.Write(t[:])
	}
	h.Write(content)
	return [32]byte(h.Sum(nil)), nil
}

// refused turns the store's refusal of one event into an answer. Its texts name positions and types, never people.
func (a *API) refused(e consent.Event, err error) error {
	switch {
	case errors.Is(err, consent.ErrConflict):
		a.Appended(string(e.Type), "conflict")
		return problem.Conflict("said-no-since", err.Error()+"; ask the person again and name that position")
	case errors.Is(err, store.ErrIdempotency):
		a.Appended(string(e.Type), "conflict")
		return problem.Conflict("idempotency-key", err.Error())
	case errors.Is(err, consent.ErrInvalid):
		a.Appended(string(e.Type), "invalid")
		return problem.Invalid(err.Error())
	default:
		return err
	}
}
