package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/share"
)

// firstCount is how long a request waits for people to be counted for the first time.
const firstCount = 10 * time.Second

// usableShare answers GET /v1/usable-share with the newest edition of the figures.
func (a *API) usableShare(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	ctx, cancel := context.WithTimeout(r.Context(), firstCount)
	defer cancel()
	figures, err := a.Share.Figures(ctx)
	switch {
	case errors.Is(err, share.ErrNoBundle):
		return problem.Unavailable("the ledger has no purposes and notices yet; they come from the manager, or from --bundle")
	case errors.Is(err, context.DeadlineExceeded):
		return problem.Unavailable("people are being counted for the first time; try again in a minute")
	case err != nil:
		return err
	}
	return answer(w, http.StatusOK, figures)
}

// count leaves out what is about fewer than 10 people.
func count(n int64) *int64 {
	if n < share.Step {
		return nil
	}
	return &n
}
