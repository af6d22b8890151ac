package compile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// Reason codes that a blocked purpose answers with; package decide passes them on.
const (
	reasonPurposeUndeclared   = "PURPOSE_UNDECLARED"
	reasonNamespaceNotAllowed = "NAMESPACE_NOT_ALLOWED"
)

// purpose is one purpose as it holds, with the restrictions of its parents, and what is known about its use.
type purpose struct {
	ir.Purpose
	declared policy.Purpose
	// notices name the purpose and are of its controller, in the order of their names.
	notices []*ir.Notice
	// carried are the categories that endpoints of its rules carry; nil if no rule is for it.
	carried map[string]bool
	// aside tells that the purpose is for tracking or for access to a device, whose data no endpoint declares.
	aside bool
}

// block has every request under the purpose denied.
func (p *purpose) block() { p.Blocked = reasonPurposeUndeclared }

// onlyRestricts tells that nobody may act for the purpose: it is there for its children.
func (p *purpose) onlyRestricts() bool {
	return len(p.declared.Allowed.Names) == 0 && len(p.declared.Allowed.MatchLabels) == 0
}

func consents(g ir.Ground) bool {
	return g == ir.GroundConsent || g == ir.GroundSpecialCategoryConsent
}

// resolvePurposes folds the restrictions of parents into their children and blocks what is not lawful.
func (c *compiler) resolvePurposes(in []policy.Purpose) {
	all := distinct(in, func(a, b policy.Purpose) int { return cmp.Compare(a.Name, b.Name) }, func(p policy.Purpose) {
		c.findings.error(policy.Ref{Kind: "DataPurpose", Name: string(p.Name)}, "metadata.name", DuplicateName, "There are two DataPurposes with this name; only one of them counts. Rename or remove one.")
	})
	for i := range all {
		p := &purpose{Purpose: normalPurpose(all[i].Purpose), declared: all[i]}
		c.purposes[p.Name] = p
		c.sorted = append(c.sorted, p)
	}
	for _, p := range c.sorted {
		if !c.possible(p) {
			continue
		}
		sound := c.inherit(p)
		p.Special = specialOf(p.Categories)
		violations, grounds := c.law.judge(&p.Purpose)
		for _, v := range violations {
			c.findings.error(p.ref(), v.field, NotLawful, "%s", v.sentence)
		}
		if p.Grounds = grounds; !sound || len(grounds) == 0 {
			p.block()
		}
		if !c.ledgerOf[p.Controller] {
			c.findings.error(p.ref(), "spec.controller", LedgerNotFound,
				"No ConsentLedger exists for the controller %q; everything that rests on a record is denied. Create one, or correct spec.controller.", p.Controller)
		}
		c.broad(p)
	}
	for _, p := range c.sorted {
		c.checkDevice(p)
	}
}

// possible replaces a purpose that no bundle can hold, for example one with a value that a newer version knows, by one that permits nothing.
func (c *compiler) possible(p *purpose) bool {
	probe := p.Purpose
	probe.DeviceAccess = ""
	err := ir.Validate(&ir.Bundle{
		Mode: ir.ModeEnforce, Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny},
		FreshnessBoundMillis: DefaultFreshnessBound.Milliseconds(), Purposes: []ir.Purpose{probe},
	})
	if err == nil {
		return true
	}
	c.findings.error(p.ref(), "spec", InvalidPurpose, "The purpose cannot be enforced and permits nothing (%v). Correct it.", err)
	p.Purpose = ir.Purpose{Name: p.Name, Controller: p.Controller, Objection: ir.ObjectionNone}
	p.declared.Purpose, p.declared.Parent = p.Purpose, ""
	p.block()
	return false
}

// checkDevice: a device is accessed on a consent of its own, or not at all (TDDDG §25(1)).
func (c *compiler) checkDevice(p *purpose) {
	name := p.DeviceAccess
	if name == "" {
		return
	}
	// What a parent says is found there, but holds here.
	ref, field := p.ref(), "spec.deviceAccess.purpose"
	if p.declared.DeviceAccess == "" {
		field = "spec.parent"
	}
	d := c.purposes[name]
	switch {
	case d == nil:
		c.findings.error(ref, field, PurposeNotFound, "DataPurpose %q, whose grant would allow access to the device, does not exist; everything is denied until it does.", name)
		return
	case name == p.Name || d.DeviceAccess != "":
		c.findings.error(ref, field, DeviceAccessNested, "DataPurpose %q needs access to a device itself; everything is denied. Name a purpose without deviceAccess.", name)
		p.block()
	case d.Controller != p.Controller:
		c.findings.error(ref, field, ControllerMismatch, "DataPurpose %q belongs to the controller %q, not to %q; everything is denied. Name a purpose of the same controller.", name, d.Controller, p.Controller)
		p.block()
	}
	d.aside = true
	for _, g := range d.Grounds {
		if broken := c.law.against(use{traits: []trait{traitDevice}}, g); len(broken) > 0 {
			c.findings.error(ref, field, NotLawful, "DataPurpose %q does not rest on consent alone; everything is denied. %s", name, broken[0].sentence(g))
			p.block()
		}
	}
	if p.Blocked != "" && name == p.Name {
		p.DeviceAccess = "" // no bundle can hold it
	}
}

// tooBroad are terms of the vocabulary that stand for whole families of categories.
var tooBroad = strings.Fields("pd:External pd:Internal pd:Financial pd:Historical pd:Household pd:Social pd:Tracking pd:Identifying pd:KnowledgeBelief pd:PublicLife")

// broad finds categories that name nothing in particular (GDPR Art. 5(1)(c)). All dpv: terms are of that kind.
func (c *compiler) broad(p *purpose) {
	for i, x := range p.declared.Categories {
		if strings.HasPrefix(x, "dpv:") || slices.Contains(tooBroad, x) {
			c.findings.warn(p.ref(), fmt.Sprintf("spec.dataCategories[%d]", i), OverBroadCategory,
				"%q stands for many categories of data, and permits none of them; list those that the purpose needs (GDPR Art. 5(1)(c)).", x)
		}
	}
}

// checkUse finds categories that no endpoint of a purpose's rules carries.
func (c *compiler) checkUse(p *purpose) {
	if p.carried == nil || p.aside {
		return
	}
	for i, x := range p.declared.Categories {
		if !p.carried[x] && slices.Contains(p.Categories, x) && !strings.HasPrefix(x, "dpv:") && !slices.Contains(tooBroad, x) {
			c.findings.warn(p.ref(), fmt.Sprintf("spec.dataCategories[%d]", i), OverBroadCategory,
				"No endpoint that a rule uses for this purpose carries %q; remove it, because a purpose lists only what it needs (GDPR Art. 5(1)(c)).", x)
		}
	}
}

// checkWordings finds purposes that people cannot have agreed to.
func (c *compiler) checkWordings(p *purpose) {
	c.checkMinimums(p)
	ground := slices.IndexFunc(p.declared.Grounds, consents)
	if ground < 0 || p.Blocked != "" || p.onlyRestricts() {
		return
	}
	field := fmt.Sprintf("spec.legalGrounds[%d]", ground)
	var cover []*ir.Notice
	for _, n := range p.notices {
		if countsFor(n, &p.Purpose) && meets(p.Processing, n.Processing) {
			cover = append(cover, n)
		}
	}
	if len(cover) == 0 {
		c.findings.warn(p.ref(), field, NoNotice,
			"No ConsentNotice of %q covers this purpose, so nobody can have agreed to it. Publish one that names it with its processing, advertisers, goods and special categories.", p.Controller)
		return
	}
	// Where people are asked may be nobody's business here: a shop that imports its consents declares no touchpoint at all. Who
	// declares touchpoints wants to know which purpose they forgot.
	if places := c.touchpointsOf[p.Controller]; len(places) > 0 && !slices.ContainsFunc(cover, func(n *ir.Notice) bool { return c.offers[n.Name] > 0 }) {
		c.findings.warn(p.ref(), field, NoTouchpoint,
			"No Touchpoint of %q offers a ConsentNotice that covers this purpose, so nobody new can agree to it. Add %s to the optIn or ladder of one.", p.Controller, quoted(names(cover), "or"))
	}
	if p.declared.EvidenceRetentionDays > 0 {
		for _, r := range c.law.Retention {
			if p.declared.EvidenceRetentionDays < r.Days && r.When.is(useOf(&p.Purpose)) && meets(r.Grounds, p.Grounds) {
				c.findings.warn(p.ref(), "spec.evidenceRetentionDays", RetentionTooShort,
					"Evidence of the consent has to be kept for %d days after its last use (%s), not for %d.", r.Days, r.Statute, p.declared.EvidenceRetentionDays)
			}
		}
	}
}

// checkMinimums: a minimum for a series that does not exist is a restriction that nobody can see. Consent carries nothing until it can.
func (c *compiler) checkMinimums(p *purpose) {
	for _, m := range p.MinimumNotices {
		if c.series[[2]string{p.Controller, m.Series}] {
			continue
		}
		field := "spec.parent"
		if i := slices.IndexFunc(p.declared.MinimumNotices, func(o ir.NoticeMinimum) bool { return o.Series == m.Series }); i >= 0 {
			field = fmt.Sprintf("spec.minimumNotices[%d].series", i)
		}
		c.findings.error(p.ref(), field, NoticeNotFound,
			"No ConsentNotice of %q belongs to the series %q, of which version %d is the oldest that counts; what rests on consent is denied until one does. Correct the series, or publish the wording.", p.Controller, m.Series, m.Version)
		if p.Grounds = slices.DeleteFunc(p.Grounds, consents); len(p.Grounds) == 0 {
			p.block()
		}
	}
}

// names lists wordings.
func names(notices []*ir.Notice) []consent.NoticeID {
	var out []consent.NoticeID
	for _, n := range notices {
		out = append(out, n.Name)
	}
	return out
}
