package compile

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// inherit folds the restrictions of all parents into a purpose. Restrictions flow down, permissions never: a child keeps only what its
// parent has too. It reports false for a purpose that may permit nothing.
func (c *compiler) inherit(p *purpose) bool {
	seen := map[consent.PurposeID]bool{p.Name: true}
	for parent := consent.PurposeID(p.declared.Parent); parent != ""; {
		q := c.purposes[parent]
		if q == nil || seen[parent] {
			c.findings.error(p.ref(), "spec.parent", ParentNotFound,
				"The parent %q does not exist or leads back to this purpose; the purpose permits nothing. Create it or remove spec.parent.", parent)
			return false
		}
		seen[parent] = true
		above := normalPurpose(q.declared.Purpose)
		if above.Controller != p.Controller {
			c.findings.error(p.ref(), "spec.parent", ControllerMismatch,
				"The parent %q belongs to the controller %q, not to %q; the purpose permits nothing. Choose a parent of the same controller.", parent, above.Controller, p.Controller)
			return false
		}
		if !c.within(p, &above) {
			return false
		}
		restrict(&p.Purpose, &above)
		parent = consent.PurposeID(q.declared.Parent)
	}
	return c.leaves(p)
}

// within finds advertisers and goods that a parent does not have. To cut them would make consent easier to have, so they are denied.
func (c *compiler) within(p *purpose, above *ir.Purpose) bool {
	sound := true
	find := func(member string, declared, theirs []string) {
		for i, x := range declared {
			if len(theirs) > 0 && !slices.Contains(theirs, x) {
				sound = false
				c.findings.error(p.ref(), fmt.Sprintf("spec.%s[%d]", member, i), WiderThanParent,
					"%q is not among the %s of the parent %q; the purpose permits nothing. Remove it, or have the parent list it.", x, member, above.Name)
			}
		}
	}
	find("advertisers", p.declared.Advertisers, above.Advertisers)
	find("goods", p.declared.Goods, above.Goods)
	return sound
}

// leaves finds what parents have cut, and whether anything is left.
func (c *compiler) leaves(p *purpose) bool {
	if p.declared.Parent == "" {
		return true
	}
	cut(c, p, "processing", p.declared.Processing, p.Processing)
	cut(c, p, "dataCategories", p.declared.Categories, p.Categories)
	cut(c, p, "channels", p.declared.Channels, p.Channels)
	if len(p.Processing) == 0 && len(p.declared.Processing) > 0 {
		c.findings.error(p.ref(), "spec.parent", ParentLeavesNothing,
			"The purpose has no processing in common with its parents; it permits nothing. Add some to the parent %q, or choose another one.", p.declared.Parent)
		return false
	}
	if len(p.Proofs) == 0 && len(p.declared.Proofs) > 0 {
		c.findings.error(p.ref(), "spec.proof", ParentLeavesNothing,
			"No proof satisfies both the purpose and its parents; it permits nothing. List one here that the parent %q accepts.", p.declared.Parent)
		return false
	}
	return true
}

func cut[T ~string](c *compiler, p *purpose, member string, declared, left []T) {
	for i, x := range declared {
		if !slices.Contains(left, x) {
			c.findings.warn(p.ref(), fmt.Sprintf("spec.%s[%d]", member, i), WiderThanParent,
				"A parent of the purpose does not include %q, so it is not permitted here either. Remove it, or have the parent %q list it.", x, p.declared.Parent)
		}
	}
}

// restrict joins two purposes: what both permit, and what either forbids.
func restrict(p, parent *ir.Purpose) {
	p.Processing = both(p.Processing, parent.Processing)
	p.Categories = both(p.Categories, parent.Categories)
	p.Channels = both(p.Channels, parent.Channels)
	p.MinimumAge = max(p.MinimumAge, parent.MinimumAge)
	p.ValidForDays = shorter(p.ValidForDays, parent.ValidForDays)
	p.UnusedForDays = shorter(p.UnusedForDays, parent.UnusedForDays)
	switch {
	case len(p.Proofs) == 0:
		p.Proofs = slices.Clone(parent.Proofs)
	case len(parent.Proofs) > 0:
		p.Proofs = both(p.Proofs, parent.Proofs)
	}
	for _, m := range parent.MinimumNotices {
		if i := slices.IndexFunc(p.MinimumNotices, func(o ir.NoticeMinimum) bool { return o.Series == m.Series }); i < 0 {
			p.MinimumNotices = append(p.MinimumNotices, m)
		} else {
			p.MinimumNotices[i].Version = max(p.MinimumNotices[i].Version, m.Version)
		}
	}
	slices.SortFunc(p.MinimumNotices, compareMinimums)
	if p.DeviceAccess == "" {
		p.DeviceAccess = parent.DeviceAccess
	}
	p.BusinessOnly = p.BusinessOnly || parent.BusinessOnly
	p.ThirdPartyData = p.ThirdPartyData || parent.ThirdPartyData
	p.Anonymous = p.Anonymous || parent.Anonymous
	if objections[parent.Objection] > objections[p.Objection] {
		p.Objection = parent.Objection
	}
	if len(p.Goods) == 0 {
		p.Goods = slices.Clone(parent.Goods)
	}
}

// objections orders effects by how much an objection ends.
var objections = map[ir.ObjectionEffect]int{ir.ObjectionOwnSituation: 1, ir.ObjectionDirectMarketing: 2}

// shorter gives the shorter of two periods, of which 0 is without end.
func shorter(a, b int) int {
	if a == 0 || (b > 0 && b < a) {
		return b
	}
	return a
}

func both[T cmp.Ordered](a, b []T) []T {
	return slices.DeleteFunc(slices.Clone(a), func(x T) bool { return !slices.Contains(b, x) })
}

func sortedSet[T cmp.Ordered](in []T) []T {
	out := slices.Clone(in)
	slices.Sort(out)
	return slices.Compact(out)
}

func compareMinimums(a, b ir.NoticeMinimum) int {
	return cmp.Or(cmp.Compare(a.Series, b.Series), cmp.Compare(a.Version, b.Version))
}

func normalPurpose(p ir.Purpose) ir.Purpose {
	p.Grounds = slices.Clone(p.Grounds) // order matters: the first ground explains a denial
	p.Channels = slices.Clone(p.Channels)
	p.Processing = sortedSet(p.Processing)
	p.Categories = sortedSet(p.Categories)
	p.Goods = sortedSet(p.Goods)
	p.Proofs = sortedSet(p.Proofs)
	p.Advertisers = sortedSet(p.Advertisers)
	p.Labels = slices.Clone(p.Labels)
	slices.SortStableFunc(p.Labels, func(a, b ir.Label) int { return cmp.Compare(a.Language, b.Language) })
	p.MinimumNotices = slices.Clone(p.MinimumNotices)
	slices.SortFunc(p.MinimumNotices, compareMinimums)
	return p
}

func (p *purpose) ref() policy.Ref { return policy.Ref{Kind: "DataPurpose", Name: string(p.Name)} }
