package desk

import (
	"context"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// maxUses bounds the use records that are read for one page.
const maxUses = 1000

// group is what makes several uses one line.
type group struct {
	withheld  bool
	purpose   consent.PurposeID
	recipient string
	reason    string
}

// uses fills in what the person's data was used for, and what was withheld. The store gives the newest first, so the groups come in the
// order of their newest.
func (d *Desk) uses(ctx context.Context, who pages.Who, s *sight, p *pages.Person) error {
	all, err := d.Store.UsesOf(ctx, d.identity(who).Tags, wire.DecisionID{}, maxUses)
	if err != nil {
		return err
	}
	p.More = len(all) == maxUses
	var order []group
	found := map[group]*pages.Use{}
	for i := range all {
		u := &all[i]
		g := group{withheld: withheld(u), purpose: u.Decision.Purpose, recipient: recipient(u), reason: u.Reason}
		x := found[g]
		if x == nil {
			x = &pages.Use{
				Purpose: s.words.purpose(g.purpose, s.language), Recipient: g.recipient, Reason: g.reason,
				Last: u.Decision.At, First: u.Decision.At,
			}
			found[g], order = x, append(order, g)
		}
		x.Count++
		if u.Decision.At.Before(x.First) {
			x.First = u.Decision.At
		}
		if u.Decision.At.After(x.Last) {
			x.Last = u.Decision.At
		}
	}
	for _, g := range order {
		if g.withheld {
			p.Withheld = append(p.Withheld, *found[g])
		} else {
			p.Uses = append(p.Uses, *found[g])
		}
	}
	return nil
}

// withheld tells whether the data stayed where it was. Where a policy only observes, it did not, whatever was decided.
func withheld(u *store.Use) bool {
	if u.Decision.Mode == string(ir.ModeObserve) {
		return false
	}
	return u.Decision.Effect == string(decide.Deny) || !decide.Reason(u.Reason).Permits()
}

// recipient is the party that got the data, or would have; where none is named, the service.
func recipient(u *store.Use) string {
	if u.Decision.Party != "" {
		return u.Decision.Party
	}
	return u.Decision.Service
}
