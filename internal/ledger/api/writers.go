package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/store"
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
func (a *API) mayAppend(ctx context.Context, c access.Caller, who []store.Identity, e consent.Event) error {
	if c.Touchpoints == nil {
		return nil
	}
	if !c.May(e.Touchpoint) {
		return problem.Forbidden("name in event.touchpoint, as namespace/name, a Touchpoint that lists this service account in spec.writers")
	}
	b := a.Bundle()
	t := touchpointOf(b, e.Touchpoint)
	if e.Notice != "" && (t == nil || !slices.Contains(t.Offers(), e.Notice)) {
		return problem.Forbidden("the Touchpoint does not offer this notice; name one of its optIn or ladder, or add it there")
	}
	switch e.Type {
	case consent.EventConfirmed, consent.EventRenewed:
		if e.Grant != 0 {
			return a.mayCount(ctx, t, who, e.Grant)
		}
	case consent.EventObjectionLifted:
		if e.Scope != consent.ScopePurpose {
			return problem.Forbidden("a Touchpoint lifts objections to the purposes that it asks for; name one, with scope purpose")
		}
	default: // given and widened name a notice, and everything else permits nothing
		return nil
	}
	if t == nil || !slices.ContainsFunc(b.Notices, func(n ir.Notice) bool {
		return slices.Contains(t.Offers(), n.Name) && slices.Contains(n.Purposes, e.Purpose)
	}) {
		return problem.Forbidden("the Touchpoint does not ask for this purpose in any notice of its optIn or ladder")
	}
	return nil
}

// mayCount refuses to make a grant count that was given to another wording than those of a touchpoint. It answers the same where there is no
// such grant, so that nobody finds out by trying what people agreed to elsewhere.
func (a *API) mayCount(ctx context.Context, t *ir.Touchpoint, who []store.Identity, grant consent.Position) error {
	for _, id := range who {
		for _, tag := range id.Tags {
			record, err := a.Store.Lookup(ctx, tag)
			if err != nil {
				return err
			}
			if t != nil && slices.ContainsFunc(record.Grants, func(g consent.Grant) bool {
				return g.Position == grant && slices.Contains(t.Offers(), g.Notice)
			}) {
				return nil
			}
		}
	}
	return problem.Forbidden("the person gave no grant with this position to a notice that the Touchpoint offers")
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
