package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/problem"
)

const (
	waitParameter    = "wait"
	waitEnforced     = "enforced"
	atLeastParameter = "atLeast"
	atLeastHeader    = "OptUp-At-Least"
	// enforcing bounds how long a write waits for sidecars; reaching how long a read waits for a position.
	enforcing = 20 * time.Second
	reaching  = 5 * time.Second
)

// enforcement is what a caller who asked for it is told about sidecars.
type enforcement struct {
	// Enforced tells that every sidecar has confirmed the position, or goes by no older facts any more. Otherwise Waiting is how many may
	// still do so; each of them denies by itself once its freshness bound has passed.
	Enforced *bool `json:"enforced,omitempty"`
	Waiting  int   `json:"waiting,omitempty"`
}

// awaits tells whether a write asks to wait until it is enforced.
func awaits(r *http.Request) (bool, error) {
	switch r.URL.Query().Get(waitParameter) {
	case "":
		return false, nil
	case waitEnforced:
		return true, nil
	default:
		return false, problem.Malformed("wait=enforced is the only thing to wait for; leave it out otherwise")
	}
}

// enforced waits until a position is enforced, or for as long as that may take, and gives the status of the answer with what was reached.
func (a *API) enforced(ctx context.Context, at consent.Position) (int, enforcement) {
	ctx, cancel := context.WithTimeout(ctx, enforcing)
	defer cancel()
	waiting := a.Stream.Enforced(ctx, at)
	done := waiting == 0
	if done {
		return http.StatusCreated, enforcement{Enforced: &done}
	}
	return http.StatusAccepted, enforcement{Enforced: &done, Waiting: waiting}
}

// atLeast waits until this replica knows a position that the caller has seen, for example that of a write of its own through another
// replica.
func (a *API) atLeast(r *http.Request) error {
	text := r.URL.Query().Get(atLeastParameter)
	if text == "" {
		text = r.Header.Get(atLeastHeader)
	}
	if text == "" {
		return nil
	}
	position, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return problem.Malformed("give " + atLeastParameter + " as a position: a number, as writes answer with it")
	}
	h, err := a.Store.Head(r.Context())
	if err != nil || uint64(h.Position) >= position {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), reaching)
	defer cancel()
	if err := a.Stream.Hub.Seen(ctx, consent.Position(position)); err != nil && r.Context().Err() == nil {
		return problem.Unavailable("this replica stands at position " + strconv.FormatUint(uint64(h.Position), 10) + " and has not seen " + text + " yet; try again")
	}
	return nil
}
