package compile

import (
	"slices"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

const hookKey = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="

// hooked is the sound world, whose mail service calls the mailer.
func hooked() policy.Snapshot {
	s := sound()
	s.Purposes[1].Processing = append(s.Purposes[1].Processing, ir.ProcessingCollect) // profiling
	s.Notices[1].Processing = append(s.Notices[1].Processing, ir.ProcessingCollect)
	s.Purposes[1].Categories = []string{"pd:LinkClicked"}
	s.Services[mail].Callbacks = []policy.Callback{{
		Name: "events", Signature: ir.Signature{Type: ir.SignatureSendGrid, PublicKeys: []string{hookKey}}, ID: "/id", Kind: "/event",
		Body: &ir.Message{Records: &ir.Records{
			Each: "/*", Identifier: "/email", Identifies: ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain},
			Fields: []ir.Field{{Pointer: "/url", Category: "pd:LinkClicked"}},
		}},
		Kinds: []policy.CallbackKind{
			{Name: "reactions", In: []string{"open", "click"}, Processing: []ir.Processing{ir.ProcessingTrack, ir.ProcessingCollect}},
			{Name: "delivery", In: []string{"bounce"}, Processing: []ir.Processing{ir.ProcessingCollect}},
		},
		Events: []policy.CallbackEvent{
			{When: []ir.RecordCondition{{Pointer: "/event", In: []string{"unsubscribe"}}}, Type: consent.EventWithdrawn, Purpose: "newsletter"},
			{When: []ir.RecordCondition{{Pointer: "/event", In: []string{"spam"}}}, Type: consent.EventObjected, Scope: consent.ScopeChannel, Channel: consent.ChannelEmail, Controller: shop},
		},
	}}
	s.Policies[0].Callbacks = []policy.CallbackUse{{
		Name: "events", Service: policy.ServiceRef{Namespace: "services", Name: "mail"}, Callback: "events", Port: 8080, Path: "/hooks/mail",
		Records: []policy.RecordsUse{{Kind: "reactions", Purpose: "profiling", OnMissing: ir.OnMissingRedactField}},
	}}
	return s
}

func TestACallbackIsCompiled(t *testing.T) {
	r := Compile(hooked())
	if len(r.Findings) != 0 {
		t.Fatalf("%+v", r.Findings)
	}
	b := r.Bundles[0].Bundle
	if len(b.Callbacks) != 1 {
		t.Fatalf("%+v", b.Callbacks)
	}
	c := b.Callbacks[0]
	if c.Blocked != "" || c.Policy != "marketing/mailer/events" || c.Service != "services/mail" || c.Mode != ir.ModeEnforce || !slices.Equal(c.Methods, []string{"POST"}) ||
		c.Signature.ToleranceSeconds != 25*3600 {
		t.Errorf("%+v", c)
	}
	if len(c.Kinds) != 1 || c.Kinds[0].Name != "reactions" || c.Kinds[0].OnMissing != ir.OnMissingRedactField || !slices.Equal(c.Kinds[0].In, []string{"click", "open"}) {
		t.Errorf("%+v", c.Kinds)
	}
	if len(c.Events) != 2 || c.Events[0].Controller != shop || c.Events[1].Controller != shop {
		t.Errorf("%+v", c.Events)
	}
	// A workload that only says no for people needs their purposes and the ledger all the same.
	s := hooked()
	s.Policies[0].Rules, s.Policies[0].Callbacks[0].Records = nil, nil
	b = Compile(s).Bundles[0].Bundle
	if len(b.Purposes) != 1 || b.Purposes[0].Name != "newsletter" || len(b.Ledgers) != 1 || len(b.Callbacks[0].Kinds) != 0 {
		t.Errorf("%+v, %+v", b.Purposes, b.Ledgers)
	}
}

func TestASharedSecretIsNamedAndNotHeld(t *testing.T) {
	s := hooked()
	d := &s.Services[mail].Callbacks[0]
	d.Signature = ir.Signature{
		Type: ir.SignatureHMAC, Header: "Stripe-Signature", Prefix: "v1=", Encoding: ir.EncodingHex, Timestamp: &ir.SignedTime{Header: "Stripe-Signature", Prefix: "t="},
	}
	d.KeyRef = &policy.SecretRef{Name: "hooks", Key: "stripe"}
	got := Compile(s).Bundles[0].Bundle.Callbacks[0].Signature
	if got.Key != "hooks/stripe" || got.Text != "{timestamp}.{body}" || got.ToleranceSeconds != 300 || got.Timestamp.Format != ir.TimeUnixSeconds {
		t.Errorf("%+v", got)
	}
	d.Signature.Timestamp = nil
	if got := Compile(s).Bundles[0].Bundle.Callbacks[0].Signature; got.Text != "" || got.ToleranceSeconds != 0 {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsWrongWithCallbacks(t *testing.T) {
	use := func(s *policy.Snapshot) *policy.CallbackUse { return &s.Policies[0].Callbacks[0] }
	another := func(s *policy.Snapshot) {
		p := s.Policies[0]
		p.Name, p.Rules = "another", nil
		p.Callbacks = slices.Clone(p.Callbacks)
		s.Policies = append(s.Policies, p)
	}
	for name, c := range map[string]struct {
		change func(*policy.Snapshot)
		field  string
		code   Code
		// blocked is the reason for which nothing passes; empty if the rest does.
		blocked string
	}{
		"a service that is not there":      {func(s *policy.Snapshot) { use(s).Service.Name = "male" }, "spec.callbacks[0].service", ServiceNotFound, "ENDPOINT_UNKNOWN"},
		"a service that does not allow it": {func(s *policy.Snapshot) { s.Services[mail].Allowed = policy.NamespaceSelector{} }, "spec.callbacks[0].service", ServiceNotFound, "ENDPOINT_UNKNOWN"},
		"a callback that is not there":     {func(s *policy.Snapshot) { use(s).Callback = "evens" }, "spec.callbacks[0].callback", EndpointNotFound, "ENDPOINT_UNKNOWN"},
		"a kind that is not there":         {func(s *policy.Snapshot) { use(s).Records[0].Kind = "views" }, "spec.callbacks[0].records[0].kind", EndpointNotFound, ""},
		"a purpose that is not there":      {func(s *policy.Snapshot) { use(s).Records[0].Purpose = "sale" }, "spec.callbacks[0].records[0].purpose", PurposeNotFound, "PURPOSE_UNDECLARED"},
		"a purpose that does not do it":    {func(s *policy.Snapshot) { use(s).Records[0].Purpose = "newsletter" }, "spec.callbacks[0].records[0].purpose", NothingCovered, ""},
		"a purpose of others": {
			func(s *policy.Snapshot) { s.Purposes[1].Allowed = policy.NamespaceSelector{Names: []string{"x"}} }, "spec.callbacks[0].records[0].purpose", NamespaceNotAllowed, "PURPOSE_UNDECLARED",
		},
		"an event for a purpose that is not there": {
			func(s *policy.Snapshot) { s.Services[mail].Callbacks[0].Events[0].Purpose = "sale" }, "spec.callbacks[0].callback", PurposeNotFound, "PURPOSE_UNDECLARED",
		},
		"an event for somebody without a ledger": {
			func(s *policy.Snapshot) { s.Services[mail].Callbacks[0].Events[1].Controller = other }, "spec.callbacks[0].callback", LedgerNotFound, "PURPOSE_UNDECLARED",
		},
		"an event for somebody who lets the namespace act for nothing": {
			func(s *policy.Snapshot) {
				s.Services[mail].Callbacks[0].Events[1].Controller = other
				s.Ledgers = append(s.Ledgers, policy.Ledger{Namespace: "consent", Name: "other", Controller: other, URL: "https://other-ledger.consent.svc:8443"})
				p := marketingPurpose("theirs", ir.ProcessingSend, consent.ChannelEmail)
				p.Controller, p.Allowed = other, policy.NamespaceSelector{Names: []string{"theirs"}}
				s.Purposes = append(s.Purposes, p)
			}, "spec.callbacks[0].callback", LedgerNotFound, "PURPOSE_UNDECLARED",
		},
		"a key that is none": {
			func(s *policy.Snapshot) { s.Services[mail].Callbacks[0].Signature.PublicKeys[0] = "AAAA" }, "spec.callbacks[0]", InvalidCallback, "ENDPOINT_UNKNOWN",
		},
		"two policies at one place": {another, "spec.callbacks[0].path", CallbackConflict, "PURPOSE_AMBIGUOUS"},
	} {
		t.Run(name, func(t *testing.T) {
			s := hooked()
			c.change(&s)
			r := Compile(s)
			i := slices.IndexFunc(r.Findings, func(f Finding) bool {
				return f.Code == c.code && f.Field == c.field && f.Severity == Error && f.Resource.Kind == "ConsentPolicy"
			})
			if i < 0 {
				t.Fatalf("%+v", r.Findings)
			}
			tested[c.code] = true
			all := r.Bundles[0].Bundle.Callbacks
			// The path stays known: one that is in no bundle would pass everything.
			if len(all) != 1 || all[0].Port != 8080 || all[0].Path != "/hooks/mail" || all[0].Blocked != c.blocked {
				t.Errorf("%+v", all)
			}
		})
	}
}

// TestABundleThatIsTooLargeStillRefusesCallbacks: what replaces it denies, and a callback that it does not name would pass.
func TestABundleThatIsTooLargeStillRefusesCallbacks(t *testing.T) {
	s := hooked()
	for i := range 4000 {
		r := s.Policies[0].Rules[0]
		r.When = []ir.Condition{{Source: ir.SourceBody, Name: "/template_id", In: []string{"a-template-with-a-long-name", string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))}}}
		s.Policies[0].Rules = append(s.Policies[0].Rules, r)
	}
	unseen := declaredService("unseen")
	unseen.Namespace, unseen.Name, unseen.Hosts, unseen.Allowed = "elsewhere", "elsewhere/unseen", []string{"unseen.example"}, policy.NamespaceSelector{}
	s.Services = append(s.Services, unseen)
	r := Compile(s)
	if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == BundleTooLarge }) {
		t.Fatal("it is not too large")
	}
	if all := r.Bundles[0].Bundle.Services; len(all) != 3 || slices.ContainsFunc(all, func(s ir.Service) bool { return s.Name == unseen.Name }) {
		t.Errorf("it names services of namespaces that have nothing to do with it: %+v", all)
	}
	if all := r.Bundles[0].Bundle.Callbacks; len(all) != 1 || all[0].Blocked == "" {
		t.Errorf("%+v", all)
	}
}
