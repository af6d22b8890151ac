package compile

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

func noticeRef(n consent.NoticeID) policy.Ref {
	return policy.Ref{Kind: "ConsentNotice", Name: string(n)}
}

func (c *compiler) resolveNotices(in []ir.Notice) {
	normal := make([]ir.Notice, 0, len(in))
	for i := range in {
		normal = append(normal, normalNotice(in[i]))
	}
	c.notices = distinct(normal, func(a, b ir.Notice) int { return cmp.Compare(a.Name, b.Name) }, func(n ir.Notice) {
		c.findings.error(noticeRef(n.Name), "metadata.name", DuplicateName, "There are two ConsentNotices with this name; only one of them counts. Rename or remove one.")
	})
	type edition struct {
		controller, series string
		version            int
	}
	editions := map[edition]consent.NoticeID{}
	for i := range c.notices {
		n := &c.notices[i]
		c.noticeOf[n.Name] = n
		c.series[[2]string{n.Controller, n.Series}] = true
		e := edition{n.Controller, n.Series, n.Version}
		if other, ok := editions[e]; ok && n.Series != "" {
			c.findings.warn(noticeRef(n.Name), "spec.version", VersionConflict, "ConsentNotice %q is version %d of the series %q too, so nobody can tell which is newer. Give this one the next version.", other, n.Version, n.Series)
		} else {
			editions[e] = n.Name
		}
	}
}

// checkNotices finds wordings that name purposes to which they cannot lead. The declared order of their purposes is that of the input.
func (c *compiler) checkNotices(in []ir.Notice) {
	for i := range in {
		n := &in[i]
		for j, name := range n.Purposes {
			field := fmt.Sprintf("spec.covers.purposes[%d]", j)
			switch p := c.purposes[name]; {
			case p == nil:
				c.findings.error(noticeRef(n.Name), field, PurposeNotFound, "DataPurpose %q does not exist; nothing is permitted for it. Create it, or publish the next version of this wording without it.", name)
			case p.Controller != n.Controller:
				c.findings.error(noticeRef(n.Name), field, ControllerMismatch,
					"DataPurpose %q belongs to the controller %q, not to %q; who agrees to this wording permits it nothing. Publish a wording of that controller.", name, p.Controller, n.Controller)
			}
		}
	}
}

func normalNotice(n ir.Notice) ir.Notice {
	n.Purposes = sortedSet(n.Purposes)
	n.Processing = sortedSet(n.Processing)
	n.Channels = sortedSet(n.Channels)
	n.Recipients = sortedSet(n.Recipients)
	n.Goods = sortedSet(n.Goods)
	n.Advertisers = sortedSet(n.Advertisers)
	n.Special = sortedSet(n.Special)
	n.Transfers = sortedSet(n.Transfers)
	n.Texts = slices.Clone(n.Texts)
	slices.SortStableFunc(n.Texts, func(a, b ir.Text) int { return cmp.Compare(a.Language, b.Language) })
	return n
}

// countsFor tells whether people who agreed to a wording may have agreed to a purpose at all. What else has to be covered depends on the
// endpoint. Package decide asks the same, with a reason for each.
func countsFor(n *ir.Notice, p *ir.Purpose) bool {
	for _, m := range p.MinimumNotices {
		if m.Series == n.Series && n.Version < m.Version {
			return false
		}
	}
	return n.Controller == p.Controller && slices.Contains(n.Purposes, p.Name) && contains(n.Advertisers, p.Advertisers) &&
		(len(n.Goods) == 0 || contains(n.Goods, p.Goods)) && contains(n.Special, p.Special)
}

// reaches tells whether a wording covers what an endpoint of a service does.
func reaches(n *ir.Notice, s *ir.Service, e *ir.Endpoint) bool {
	if !contains(n.Processing, e.Processing) || (e.Channel != "" && !slices.Contains(n.Channels, e.Channel)) {
		return false
	}
	if s.Party.Role != ir.RoleProcessor && !slices.Contains(n.Recipients, s.Party.Name) {
		return false
	}
	t := s.Party.Transfer
	return t == nil || t.Basis != ir.TransferExplicitConsent || slices.Contains(n.Transfers, t.Country)
}

// contains tells whether all that is needed is there.
func contains[T comparable](there, needed []T) bool {
	for _, x := range needed {
		if !slices.Contains(there, x) {
			return false
		}
	}
	return true
}
