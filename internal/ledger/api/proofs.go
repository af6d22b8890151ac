package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/receipt"
	"github.com/optup/optup/internal/ledger/store"
)

// signed keeps the newest checkpoint.
type signed struct {
	mu   sync.Mutex
	head store.Head
	note []byte
}

// Checkpoint signs the log as it is committed now.
func (a *API) signHead(ctx context.Context) ([]byte, error) {
	h, err := a.Store.Head(ctx)
	if err != nil {
		return nil, err
	}
	a.signed.mu.Lock()
	defer a.signed.mu.Unlock()
	if c := &a.signed; c.note != nil && c.head.Epoch == h.Epoch && c.head.Position == h.Position && c.head.Root == h.Root {
		return c.note, nil
	}
	note, err := a.Signer.Checkpoint(h.Epoch, h.Position, h.Root)
	if err != nil {
		return nil, err
	}
	if h.Position >= a.signed.head.Position || h.Epoch != a.signed.head.Epoch {
		a.signed.head, a.signed.note = h, note
	}
	return note, nil
}

// checkpoint answers GET /v1/checkpoint with a signed note.
func (a *API) checkpoint(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	note, err := a.signHead(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(note) // the caller is gone if this fails
	return nil
}

// Proven proves that an entry is in the log of a size. Hashes are in hexadecimal.
type Proven struct {
	Position consent.Position `json:"position"`
	Size     consent.Position `json:"size"`
	Leaf     string           `json:"leaf"`
	Root     string           `json:"root"`
	Path     []string         `json:"path"`
}

// Consistent proves that the log of one size begins with that of another.
type Consistent struct {
	From     consent.Position `json:"from"`
	To       consent.Position `json:"to"`
	FromRoot string           `json:"fromRoot"`
	ToRoot   string           `json:"toRoot"`
	Path     []string         `json:"path"`
}

func formatAll(hashes []proof.Hash) []string {
	out := make([]string, len(hashes))
	for i, h := range hashes {
		out[i] = proof.Format(h)
	}
	return out
}

// size reads a position from a parameter; what is left out is the head.
func (a *API) size(r *http.Request, name string) (consent.Position, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		h, err := a.Store.Head(r.Context())
		return h.Position, err
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, problem.Malformed(name + " is a number of entries, which is the position of the newest of them")
	}
	return consent.Position(n), nil
}

func position(r *http.Request) (consent.Position, error) {
	n, err := strconv.ParseUint(r.PathValue("position"), 10, 63)
	if err != nil || n == 0 {
		return 0, problem.Malformed("give the position of an event, from 1")
	}
	return consent.Position(n), nil
}

// outOfRange turns a position beyond the log into an answer.
func outOfRange(err error) error {
	if errors.Is(err, proof.ErrRange) {
		return problem.NotFound("the log has no such position; GET /v1/head tells how far it goes")
	}
	return err
}

// proofOf answers GET /v1/proofs/{position}?size=.
func (a *API) proofOf(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	p, err := position(r)
	if err != nil {
		return err
	}
	size, err := a.size(r, "size")
	if err != nil {
		return err
	}
	path, err := a.Store.Inclusion(r.Context(), p, size)
	if err != nil {
		return outOfRange(err)
	}
	root, err := a.Store.RootAt(r.Context(), size)
	if err != nil {
		return outOfRange(err)
	}
	entry, err := a.logged(r.Context(), p)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, Proven{Position: p, Size: size, Leaf: proof.Format(entry.Leaf), Root: proof.Format(root), Path: formatAll(path)})
}

// consistency answers GET /v1/consistency?from=&to=.
func (a *API) consistency(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	if r.URL.Query().Get("from") == "" {
		return problem.Malformed("from is missing: the size of the log that you know")
	}
	from, err := a.size(r, "from")
	if err != nil {
		return err
	}
	to, err := a.size(r, "to")
	if err != nil {
		return err
	}
	path, err := a.Store.Consistency(r.Context(), from, to)
	if err != nil {
		return outOfRange(err)
	}
	older, err := a.Store.RootAt(r.Context(), from)
	if err != nil {
		return outOfRange(err)
	}
	newer, err := a.Store.RootAt(r.Context(), to)
	if err != nil {
		return outOfRange(err)
	}
	return answer(w, http.StatusOK, Consistent{From: from, To: to, FromRoot: proof.Format(older), ToRoot: proof.Format(newer), Path: formatAll(path)})
}

// logged reads one place of the log.
func (a *API) logged(ctx context.Context, p consent.Position) (store.Logged, error) {
	page, err := a.Store.Entries(ctx, p, 1)
	if err != nil {
		return store.Logged{}, err
	}
	if len(page) != 1 || page[0].Position != p {
		return store.Logged{}, outOfRange(proof.ErrRange)
	}
	return page[0], nil
}

// receiptOf answers GET /v1/receipts/{position}.
func (a *API) receiptOf(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	p, err := position(r)
	if err != nil {
		return err
	}
	out, err := a.receipts.Of(r.Context(), p)
	if errors.Is(err, receipt.ErrErased) {
		return problem.Gone(err.Error())
	}
	if err != nil {
		return outOfRange(err)
	}
	return answer(w, http.StatusOK, out)
}
