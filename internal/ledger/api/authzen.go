package api

import (
	"net/http"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/doors"
	"github.com/optup/optup/internal/ledger/access"
)

// Limits of the bodies of AuthZEN questions, in bytes.
const (
	maxEvaluation  = 16 << 10
	maxEvaluations = 1 << 20
)

// asker is who may ask, and about which purposes.
type asker struct {
	access.Caller
	officer  bool
	purposes []consent.PurposeID
	// limit is how often they may ask; nil for no limit.
	limit *callers
}

func (a asker) may(p consent.PurposeID) bool { return a.officer || slices.Contains(a.purposes, p) }

// whoAsks verifies who asks: officers about everything, workloads with a grant about its purposes. They may know as much from their stream.
func (a *API) whoAsks(r *http.Request) (asker, error) {
	c, err := a.caller(r)
	if err != nil {
		return asker{}, err
	}
	if c.Has(access.RoleOfficer) {
		return asker{Caller: c, officer: true}, nil
	}
	s, err := a.Guard.Subscriber(r, nil)
	return asker{Caller: c, purposes: s.Purposes}, err
}

// authzen serves the AuthZEN Authorization API 1.0: the decision that sidecars take, for whoever enforces it themselves. How often they may
// ask is counted in questions. Officers, who learn why, have no more of them than look-ups.
func (a *API) authzen(mux *router, lookups *callers) {
	questions := a.perMinute(a.Limits.Questions)
	d := &doors.AuthZEN{Fail: a.fail, MaxOne: maxEvaluation, MaxAll: maxEvaluations, Begin: func(r *http.Request) (doors.Judge, error) {
		by, err := a.whoAsks(r)
		if err != nil {
			return nil, err
		}
		if by.limit = questions; by.officer {
			by.limit = lookups
		}
		return a.evaluator(r, by)
	}}
	d.Register(mux.HandleFunc)
}
