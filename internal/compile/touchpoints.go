package compile

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

func (c *compiler) resolveTouchpoints(in []policy.Touchpoint) {
	all := distinct(in, func(a, b policy.Touchpoint) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	}, func(t policy.Touchpoint) {
		c.findings.error(touchpointRef(&t), "metadata.name", DuplicateName, "There are two Touchpoints with this name; only one of them counts. Rename or remove one.")
	})
	for i := range all {
		t := &all[i]
		c.touchpointsOf[t.Controller] = append(c.touchpointsOf[t.Controller], t)
		for _, n := range offered(t) {
			c.offers[n]++
		}
	}
	c.touchpoints = all
}

// offered lists the wordings of a touchpoint, each once.
func offered(t *policy.Touchpoint) []consent.NoticeID {
	out := slices.Clone(t.OptIn)
	for _, s := range t.Ladder {
		out = append(out, s.Notice)
	}
	return sortedSet(out)
}

func offersBy(t *policy.Touchpoint, n consent.NoticeID) int {
	if slices.Contains(offered(t), n) {
		return 1
	}
	return 0
}

func touchpointRef(t *policy.Touchpoint) policy.Ref {
	return policy.Ref{Kind: "Touchpoint", Namespace: t.Namespace, Name: t.Name}
}

func (c *compiler) checkTouchpoint(t *policy.Touchpoint) {
	ref := touchpointRef(t)
	if !c.ledgerOf[t.Controller] {
		c.findings.error(ref, "spec.controller", LedgerNotFound, "No ConsentLedger exists for the controller %q, so nothing that people say here can be kept. Create one, or correct spec.controller.", t.Controller)
	} else if !c.actsFor(t.Controller, c.namespaceNamed(t.Namespace)) {
		c.findings.error(ref, "spec.controller", NamespaceNotAllowed,
			"No DataPurpose of the controller %q allows namespace %q to act for it, so nobody is asked here, and spec.writers speak for nobody. Its owner can add the namespace to spec.allowedNamespaces.", t.Controller, t.Namespace)
	}
	for i, n := range t.OptIn {
		c.checkOffer(t, n, fmt.Sprintf("spec.optIn[%d]", i), true)
	}
	for i, s := range t.Ladder {
		c.checkOffer(t, s.Notice, fmt.Sprintf("spec.ladder[%d].notice", i), true)
		for j, n := range s.After {
			c.checkOffer(t, n, fmt.Sprintf("spec.ladder[%d].after[%d]", i, j), false)
		}
	}
	c.checkLadder(t)
}

// checkOffer finds out whether agreeing to a wording at a touchpoint can lead to anything. What somebody has to have agreed to before
// may have been offered elsewhere, so only its existence and controller count.
func (c *compiler) checkOffer(t *policy.Touchpoint, name consent.NoticeID, field string, offered bool) {
	ref := touchpointRef(t)
	n := c.noticeOf[name]
	switch {
	case n == nil:
		c.findings.error(ref, field, NoticeNotFound, "ConsentNotice %q does not exist, so nobody can agree to it. Create it, or correct the name.", name)
		return
	case n.Controller != t.Controller:
		c.findings.error(ref, field, ControllerMismatch, "ConsentNotice %q belongs to the controller %q, not to %q. Offer a wording of the controller that asks.", name, n.Controller, t.Controller)
		return
	}
	if !offered {
		return
	}
	asked := 0
	for _, id := range n.Purposes {
		p := c.purposes[id]
		if p == nil || !askable(n, &p.Purpose) {
			continue
		}
		asked++
		if t.Confirmation != nil && !accepts(&p.Purpose, t.Confirmation.Proof) {
			c.findings.error(ref, "spec.confirmation.proof", ProofNotAccepted,
				"%q is no proof that DataPurpose %q accepts, so agreeing to ConsentNotice %q here permits it nothing. Obtain %s, or have the purpose accept it.",
				t.Confirmation.Proof, id, name, quoted(p.Proofs, "or"))
		}
	}
	if asked == 0 {
		c.findings.error(ref, field, NothingToAsk,
			"No purpose of ConsentNotice %q rests on consent and is covered by it, so nobody is asked for it: an answer would mean nothing. Offer another wording, or correct the purposes.", name)
	}
}

// askable tells whether a consent to a wording can carry a purpose at all.
func askable(n *ir.Notice, p *ir.Purpose) bool {
	return p.Blocked == "" && slices.ContainsFunc(p.Grounds, consents) && countsFor(n, p) && meets(p.Processing, n.Processing)
}

// accepts tells whether a proof is one that a purpose accepts.
func accepts(p *ir.Purpose, proof consent.Proof) bool {
	return len(p.Proofs) == 0 || slices.Contains(p.Proofs, proof)
}

// leads tells whether agreeing to a wording at a touchpoint can lead to a permission.
func (c *compiler) leads(t *policy.Touchpoint, name consent.NoticeID) bool {
	n := c.noticeOf[name]
	return n != nil && n.Controller == t.Controller && slices.ContainsFunc(n.Purposes, func(id consent.PurposeID) bool {
		p := c.purposes[id]
		return p != nil && askable(n, &p.Purpose) && (t.Confirmation == nil || accepts(&p.Purpose, t.Confirmation.Proof))
	})
}

// Times of a touchpoint that declares none.
const (
	defaultCoolDownDays    = 180
	defaultDeferDays       = 14
	defaultValidForHours   = 72
	defaultAgainAfterHours = 24
)

// touchpoint compiles a touchpoint. What leads to nothing is left out: people are not asked in vain. A step that waits for a wording
// which is not there waits for ever, so it is left out, too.
//
// A touchpoint of a namespace that the controller lets act for nothing is left out as a whole: its writers would speak for people in the
// ledger of somebody who does not know of them.
func (c *compiler) touchpoint(t *policy.Touchpoint) (ir.Touchpoint, bool) {
	if !c.actsFor(t.Controller, c.namespaceNamed(t.Namespace)) {
		return ir.Touchpoint{}, false
	}
	out := ir.Touchpoint{
		Name: t.Namespace + "/" + t.Name, Controller: t.Controller, Place: t.Place, URL: t.URL,
		CoolDownDays: cmp.Or(t.CoolDownDays, defaultCoolDownDays), DeferDays: cmp.Or(t.DeferDays, defaultDeferDays),
	}
	for _, n := range sortedSet(t.OptIn) {
		if c.leads(t, n) {
			out.OptIn = append(out.OptIn, n)
		}
	}
	for _, s := range t.Ladder {
		there := func(n consent.NoticeID) bool { return c.noticeOf[n] != nil && c.noticeOf[n].Controller == t.Controller }
		if c.leads(t, s.Notice) && !slices.ContainsFunc(s.After, func(n consent.NoticeID) bool { return !there(n) }) {
			out.Ladder = append(out.Ladder, ir.LadderStep{Notice: s.Notice, After: sortedSet(s.After)})
		}
	}
	if d := t.Confirmation; d != nil {
		out.Confirmation = &ir.Confirmation{
			Proof: d.Proof, ValidForHours: cmp.Or(d.ValidForHours, defaultValidForHours), AgainAfterHours: cmp.Or(d.AgainAfterHours, defaultAgainAfterHours),
		}
	}
	for _, w := range t.Writers {
		out.Writers = append(out.Writers, "system:serviceaccount:"+t.Namespace+":"+w)
	}
	out.Writers = sortedSet(out.Writers)
	out.Intake = intake(t.Intake, out.Offers())
	probe := out
	if out.Intake != nil {
		alone := *out.Intake
		alone.Purposes = nil
		probe.Intake = &alone
	}
	probe.OptIn, probe.Ladder = nil, nil
	if err := ir.ValidateTouchpoint(&probe); err != nil {
		c.findings.error(touchpointRef(t), "spec", InvalidTouchpoint, "The touchpoint cannot be carried out, so nobody is asked here (%v). Correct it.", err)
		return ir.Touchpoint{}, false
	}
	return out, true
}

// checkLadder finds steps that wait for wordings which nobody can have agreed to before.
func (c *compiler) checkLadder(t *policy.Touchpoint) {
	reached := map[consent.NoticeID]bool{}
	for _, n := range t.OptIn {
		reached[n] = true
	}
	for _, s := range t.Ladder {
		for _, n := range append([]consent.NoticeID{s.Notice}, s.After...) {
			if c.offers[n] > offersBy(t, n) {
				reached[n] = true // somebody else offers it
			}
		}
	}
	for again := true; again; {
		again = false
		for _, s := range t.Ladder {
			if !reached[s.Notice] && !slices.ContainsFunc(s.After, func(n consent.NoticeID) bool { return !reached[n] }) {
				reached[s.Notice], again = true, true
			}
		}
	}
	for i, s := range t.Ladder {
		for j, n := range s.After {
			if !reached[n] && c.noticeOf[n] != nil {
				c.findings.warn(touchpointRef(t), fmt.Sprintf("spec.ladder[%d].after[%d]", i, j), StepNotReachable,
					"No touchpoint offers ConsentNotice %q before this step, so ConsentNotice %q is never offered. Offer it in optIn, or in an earlier step.", n, s.Notice)
			}
		}
	}
}

// intake leaves out what is not offered: nobody can have been shown it.
func intake(declared *ir.Intake, offers []consent.NoticeID) *ir.Intake {
	if declared == nil {
		return nil
	}
	out := *declared
	out.KeyGeneration = cmp.Or(out.KeyGeneration, 1)
	out.Purposes = slices.DeleteFunc(slices.Clone(declared.Purposes), func(p ir.IntakePurpose) bool {
		return p.Pointer == "" || !ir.ValidPointer(p.Pointer) || !slices.Contains(offers, p.Notice)
	})
	return &out
}
