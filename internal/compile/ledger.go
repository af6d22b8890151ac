package compile

import (
	"cmp"
	"errors"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// ledger compiles the bundle of a ledger: the purposes and notices of its controller, with which it computes the usable share, and the
// words and touchpoints with which people are asked.
func (c *compiler) ledger(l policy.Ledger) (LedgerBundle, bool) {
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: l.Namespace, Workload: "ConsentLedger/" + l.Name, Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: DefaultFreshnessBound.Milliseconds(),
	}
	there := map[consent.PurposeID]bool{}
	for _, p := range c.sorted {
		if p.Controller == l.Controller {
			told := p.Purpose
			told.DPV, told.EvidenceRetentionDays = p.declared.DPV, p.declared.EvidenceRetentionDays
			b.Purposes, there[p.Name] = append(b.Purposes, told), true
		}
	}
	for _, p := range slices.Clone(b.Purposes) {
		// A device purpose that is missing, or another controller's, permits no access.
		if d := p.DeviceAccess; d != "" && !there[d] {
			b.Purposes, there[d] = append(b.Purposes, ir.Purpose{Name: d, Objection: ir.ObjectionNone, Blocked: reasonPurposeUndeclared}), true
		}
	}
	slices.SortFunc(b.Purposes, func(x, y ir.Purpose) int { return cmp.Compare(x.Name, y.Name) })
	for _, n := range c.notices {
		if n.Controller == l.Controller {
			b.Notices = append(b.Notices, n)
		}
	}
	for i := range c.touchpoints {
		if t := &c.touchpoints[i]; t.Controller == l.Controller {
			if compiled, ok := c.touchpoint(t); ok {
				b.Touchpoints = append(b.Touchpoints, compiled)
			}
		}
	}
	encoded, err := ir.Encode(b)
	if errors.Is(err, ir.ErrTooLarge) && c.leaveOutTexts(b) {
		// What is enforced must not wait for words that nobody is shown any more.
		if encoded, err = ir.Encode(b); err == nil {
			c.findings.warn(ledgerRef(l), "spec.controller", TextsLeftOut,
				"The words of all ConsentNotices of %q do not fit one bundle, so those that no Touchpoint offers are known by their hashes alone. Delete notices that no grant rests on.", l.Controller)
		}
	}
	if err != nil {
		c.findings.error(ledgerRef(l), "spec.controller", BundleTooLarge, "The purposes and notices of %q do not fit one bundle (%v); retire notices that no grant rests on.", l.Controller, err)
		return LedgerBundle{}, false
	}
	return LedgerBundle{Ledger: ledgerRef(l), Bundle: b, Encoded: encoded, Hash: ir.Hash(encoded)}, true
}

// leaveOutTexts takes the words of wordings that no touchpoint offers out of a ledger's bundle; their hashes stay. It tells whether there
// were any.
func (c *compiler) leaveOutTexts(b *ir.Bundle) bool {
	left := false
	for i := range b.Notices {
		n := &b.Notices[i]
		if c.offers[n.Name] > 0 {
			continue
		}
		n.Texts = slices.Clone(n.Texts)
		for j := range n.Texts {
			left = left || n.Texts[j].Text != ""
			n.Texts[j].Text = ""
		}
	}
	return left
}
