package compile

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// How old a signed time may be where nothing is declared. SendGrid repeats a call for 24 hours, and nobody promises that it signs anew.
const (
	toleranceSendGrid = 25 * time.Hour
	toleranceHMAC     = 5 * time.Minute
)

// reasonNotThere is the reason for which a callback that does not exist, or cannot be carried out, lets nothing pass.
const (
	reasonNotThere  = "ENDPOINT_UNKNOWN"
	reasonAmbiguous = "PURPOSE_AMBIGUOUS"
)

// callbackIn is one callback of a policy, resolved once for all workloads.
type callbackIn struct {
	policy *policyIn
	use    *policy.CallbackUse
	at     string
	bundle ir.Callback
}

// resolveCallback compiles one callback. What does not fit together lets nothing pass at its path, so that the caller tries again.
func (c *compiler) resolveCallback(p *policyIn, i int, ns policy.Namespace) *callbackIn {
	u := &p.Callbacks[i]
	in := &callbackIn{policy: p, use: u, at: fmt.Sprintf("spec.callbacks[%d]", i)}
	name := cmp.Or(u.Service.Namespace, p.Namespace) + "/" + u.Service.Name
	in.bundle = ir.Callback{
		Policy: p.Namespace + "/" + p.Name + "/" + u.Name, Service: name, Name: u.Callback, Port: u.Port, Path: u.Path,
		Redaction: u.Redaction, Mode: ruleMode(ns, p.Policy),
	}
	s := c.services[name]
	if s == nil || !serviceAllowed(&s.Service, ns) {
		c.findings.error(p.ref(), in.at+".service", ServiceNotFound,
			"DataService %q does not exist or does not allow namespace %q; callback %q is refused until it does.", name, p.Namespace, u.Name)
		return in.block(reasonNotThere)
	}
	k := slices.IndexFunc(s.Callbacks, func(x policy.Callback) bool { return x.Name == u.Callback })
	if k < 0 {
		c.findings.error(p.ref(), in.at+".callback", EndpointNotFound, "DataService %q declares no callback %q; what arrives at %s is refused. Correct the name.", name, u.Callback, u.Path)
		return in.block(reasonNotThere)
	}
	declared := &s.Callbacks[k]
	in.take(declared)
	ok := c.callbackRecords(in, declared, ns)
	ok = c.callbackEvents(in, declared, ns) && ok
	if !ok {
		return in.block(reasonPurposeUndeclared)
	}
	if err := ir.Validate(in.probe()); err != nil {
		c.findings.error(p.ref(), in.at, InvalidCallback, "Callback %q cannot be carried out and is refused (%v). Correct it, or the DataService.", u.Name, err)
		return in.block(reasonNotThere)
	}
	return in
}

// block leaves nothing of a callback but that its path is refused.
func (in *callbackIn) block(reason string) *callbackIn {
	in.bundle = blockedCallback(&in.bundle, reason)
	return in
}

func blockedCallback(c *ir.Callback, reason string) ir.Callback {
	return ir.Callback{Policy: c.Policy, Service: c.Service, Name: c.Name, Port: c.Port, Path: c.Path, Mode: c.Mode, Blocked: reason}
}

// take takes over what the service declares, with effective values.
func (in *callbackIn) take(declared *policy.Callback) {
	b := &in.bundle
	b.Methods = sortedSet(declared.Methods)
	if len(b.Methods) == 0 {
		b.Methods = []string{"POST"}
	}
	b.Signature, b.Body, b.ID, b.Kind = declared.Signature, normalMessage(declared.Body), declared.ID, declared.Kind
	b.Signature.PublicKeys = slices.Clone(declared.Signature.PublicKeys)
	slices.Sort(b.Signature.PublicKeys)
	tolerance := time.Duration(0)
	switch s := &b.Signature; {
	case s.Type == ir.SignatureSendGrid:
		tolerance = toleranceSendGrid
	case s.Timestamp != nil:
		t := *s.Timestamp
		t.Format = cmp.Or(t.Format, ir.TimeUnixSeconds)
		s.Timestamp, s.Text = &t, cmp.Or(s.Text, ir.TextTimestamp+"."+ir.TextBody)
		tolerance = toleranceHMAC
	}
	b.Signature.ToleranceSeconds = cmp.Or(declared.Signature.ToleranceSeconds, int64(tolerance.Seconds()))
	if declared.KeyRef != nil {
		b.Signature.Key = ir.ValueID(declared.KeyRef.Name, declared.KeyRef.Key)
	}
}

// callbackRecords gives kinds of records their purposes. It tells whether all of them exist.
func (c *compiler) callbackRecords(in *callbackIn, declared *policy.Callback, ns policy.Namespace) bool {
	sound := true
	for j, r := range in.use.Records {
		at := fmt.Sprintf("%s.records[%d]", in.at, j)
		k := slices.IndexFunc(declared.Kinds, func(x policy.CallbackKind) bool { return x.Name == r.Kind })
		if k < 0 {
			c.findings.error(in.policy.ref(), at+".kind", EndpointNotFound, "Callback %q of DataService %q has no records of the kind %q; they are taken out. Correct the name.", declared.Name, in.bundle.Service, r.Kind)
			continue
		}
		kind := ir.RecordKind{
			Name: r.Kind, In: sortedSet(declared.Kinds[k].In), Processing: sortedSet(declared.Kinds[k].Processing), Purpose: r.Purpose,
			OnMissing: cmp.Or(r.OnMissing, ir.OnMissingDropRecord),
		}
		in.bundle.Kinds = append(in.bundle.Kinds, kind)
		p := c.callbackPurpose(in, at+".purpose", r.Purpose, ns)
		if p == nil {
			sound = false
			continue
		}
		for _, x := range kind.Processing {
			if !slices.Contains(p.Processing, x) {
				c.findings.error(in.policy.ref(), at+".purpose", NothingCovered,
					"Records of the kind %q amount to %q, which DataPurpose %q does not include; the callback is refused. Choose another purpose, or have %q added to its spec.processing.", r.Kind, x, p.Name, x)
			}
		}
		if p.carried == nil {
			p.carried = map[string]bool{}
		}
		for _, x := range carries(&ir.Endpoint{Response: in.bundle.Body}) {
			p.carried[x] = true
		}
	}
	in.bundle.Kinds = sortedBy(in.bundle.Kinds, func(k ir.RecordKind) string { return k.Name })
	return sound
}

// callbackPurpose finds a purpose that the namespace may act for; nil where there is none.
func (c *compiler) callbackPurpose(in *callbackIn, field string, name consent.PurposeID, ns policy.Namespace) *purpose {
	p := c.purposes[name]
	switch {
	case p == nil:
		c.findings.error(in.policy.ref(), field, PurposeNotFound, "DataPurpose %q does not exist; callback %q is refused until it does.", name, in.use.Name)
		return nil
	case !p.declared.Allowed.Matches(ns):
		c.findings.error(in.policy.ref(), field, NamespaceNotAllowed, "DataPurpose %q does not allow namespace %q to act for it; callback %q is refused. Its owner can add the namespace to spec.allowedNamespaces.", name, ns.Name, in.use.Name)
		return nil
	}
	return p
}

// callbackEvents finds whose ledger each event is told to. It tells whether all of them can be told.
func (c *compiler) callbackEvents(in *callbackIn, declared *policy.Callback, ns policy.Namespace) bool {
	sound := true
	for _, e := range declared.Events {
		told := ir.Told{Controller: e.Controller, Type: e.Type, Scope: e.Scope, Channel: e.Channel, Purpose: e.Purpose}
		if e.Purpose != "" {
			p := c.callbackPurpose(in, in.at+".callback", e.Purpose, ns)
			if p == nil {
				sound = false
				continue
			}
			told.Controller = p.Controller
		} else if !c.ledgerOf[e.Controller] || !c.actsFor(e.Controller, ns) {
			// One message for both, so that nobody learns which ledgers there are.
			c.findings.error(in.policy.ref(), in.at+".callback", LedgerNotFound,
				"No ConsentLedger exists for the controller %q, which callback %q of DataService %q tells of objections, or no DataPurpose of that controller allows namespace %q to act for it; the callback is refused. "+
					"Create one, or correct the DataService.", e.Controller, declared.Name, in.bundle.Service, ns.Name)
			sound = false
			continue
		}
		for _, w := range e.When {
			told.When = append(told.When, ir.RecordCondition{Pointer: w.Pointer, In: sortedSet(w.In)})
		}
		told.When = sortedBy(told.When, func(w ir.RecordCondition) string { return w.Pointer })
		in.bundle.Events = append(in.bundle.Events, told)
	}
	in.bundle.Events = sortedBy(in.bundle.Events, func(ir.Told) string { return "" })
	return sound
}

// actsFor tells whether a namespace may act for some purpose of a controller. Others have no word in that controller's ledger: what restricts
// may be said by many, but not by whoever can declare a callback, about anybody, anywhere.
func (c *compiler) actsFor(controller string, ns policy.Namespace) bool {
	return slices.ContainsFunc(c.sorted, func(p *purpose) bool { return p.Controller == controller && p.declared.Allowed.Matches(ns) })
}

// namespaceNamed gives what is known of a namespace, which is its name for one that is not governed.
func (c *compiler) namespaceNamed(name string) policy.Namespace {
	if ns, governed := c.namespaces[name]; governed {
		return ns
	}
	return policy.Namespace{Name: name}
}

// probe is a bundle of the callback alone.
func (in *callbackIn) probe() *ir.Bundle {
	b := &ir.Bundle{
		Mode: ir.ModeEnforce, Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: DefaultFreshnessBound.Milliseconds(),
		Callbacks: []ir.Callback{in.bundle},
	}
	for _, name := range callbackPurposes(&in.bundle) {
		b.Purposes = append(b.Purposes, ir.Purpose{Name: name, Objection: ir.ObjectionNone})
	}
	return b
}

// callbackPurposes are the purposes that a callback names, each once.
func callbackPurposes(c *ir.Callback) []consent.PurposeID {
	var out []consent.PurposeID
	for _, k := range c.Kinds {
		out = append(out, k.Purpose)
	}
	for _, e := range c.Events {
		if e.Purpose != "" {
			out = append(out, e.Purpose)
		}
	}
	return sortedSet(out)
}

// callbacksOf are the callbacks of a workload. Where two policies have different ones at one port and path, nothing passes there.
func (c *compiler) callbacksOf(policies []*policyIn) []ir.Callback {
	type place struct {
		port int
		path string
	}
	at := map[place][]*callbackIn{}
	var order []place
	for _, p := range policies {
		for _, in := range p.callbacks {
			k := place{in.bundle.Port, in.bundle.Path}
			if len(at[k]) == 0 {
				order = append(order, k)
			}
			at[k] = append(at[k], in)
		}
	}
	slices.SortFunc(order, func(a, b place) int { return cmp.Or(cmp.Compare(a.port, b.port), cmp.Compare(a.path, b.path)) })
	var out []ir.Callback
	for _, k := range order {
		all := at[k]
		if len(all) == 1 {
			out = append(out, all[0].bundle)
			continue
		}
		slices.SortFunc(all, func(a, b *callbackIn) int { return cmp.Compare(a.bundle.Policy, b.bundle.Policy) })
		one := blockedCallback(&all[0].bundle, reasonAmbiguous)
		for _, in := range all {
			if in.bundle.Mode != ir.ModeObserve {
				one.Mode = ir.ModeEnforce
			}
			c.findings.error(in.policy.ref(), in.at+".path", CallbackConflict,
				"Another ConsentPolicy of the same workload has a callback at port %d and path %s; what arrives there is refused. Declare it in one of them.", k.port, k.path)
		}
		out = append(out, one)
	}
	return out
}
