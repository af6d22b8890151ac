package api

import (
	"net/http"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
)

// caller verifies who calls. Writers of touchpoints have the role touchpoint for these alone; the configuration may give it for all.
func (a *API) caller(r *http.Request) (access.Caller, error) {
	c, err := a.Guard.Caller(r)
	b := a.Bundle()
	if err != nil || b == nil || c.Has(access.RoleTouchpoint, access.RoleOfficer) {
		return c, err
	}
	for i := range b.Touchpoints {
		if t := &b.Touchpoints[i]; slices.Contains(t.Writers, c.Subject) {
			c.Touchpoints = append(c.Touchpoints, t.Name)
		}
	}
	if len(c.Touchpoints) > 0 {
		c.Roles = append(slices.Clone(c.Roles), access.RoleTouchpoint)
	}
	return c, nil
}

// mayAppend holds the writers of touchpoints to them: they name the touchpoint, and permit no more than the wordings that it offers.
func (a *API) mayAppend(c access.Caller, e consent.Event) error {
	if c.Touchpoints == nil {
		return nil
	}
	if !c.May(e.Touchpoint) {
		return problem.Forbidden("name in event.touchpoint, as namespace/name, a Touchpoint that lists this service account in spec.writers")
	}
	if t := touchpointOf(a.Bundle(), e.Touchpoint); e.Notice != "" && (t == nil || !slices.Contains(t.Offers(), e.Notice)) {
		return problem.Forbidden("the Touchpoint does not offer this notice; name one of its optIn or ladder, or add it there")
	}
	return nil
}

// touchpointOf gives a touchpoint by "namespace/name"; nil for one that the ledger does not know.
func touchpointOf(b *ir.Bundle, name string) *ir.Touchpoint {
	if b == nil {
		return nil
	}
	for i := range b.Touchpoints {
		if b.Touchpoints[i].Name == name {
			return &b.Touchpoints[i]
		}
	}
	return nil
}
