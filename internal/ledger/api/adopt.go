package api

import (
	"errors"
	"net/http"

	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/store"
)

// adopt answers POST /v1/adopt: an officer has compared a log that contradicts what the ledger signed, and takes it as it is. It goes on in
// another epoch, which every sidecar reads from its beginning.
func (a *API) adopt(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	var in struct {
		Epoch string `json:"epoch"`
	}
	if err := read(w, r, maxLookup, &in); err != nil {
		return err
	}
	h, err := a.Store.Adopt(r.Context(), in.Epoch)
	if errors.Is(err, store.ErrEpoch) {
		return problem.Conflict("another-epoch", "name the epoch that GET /v1/head gives: it tells which log is adopted")
	}
	if err != nil {
		return err
	}
	a.Logger.Warn("the log was adopted", "by", c.Subject, "before", in.Epoch, "epoch", h.Epoch, "position", h.Position)
	if err := a.Stream.Contradicted(r.Context()); err != nil {
		return err
	}
	return a.head(w, r, c)
}
