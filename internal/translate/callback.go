package translate

import (
	"slices"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

func callback(c *v1alpha1.Callback) policy.Callback {
	out := policy.Callback{
		Name: string(c.Name), Methods: convert[string](c.Methods), Signature: signature(&c.Signature),
		ID: string(c.IDPointer), Kind: string(c.KindPointer),
		Body: response(&v1alpha1.ResponseBody{
			Format: v1alpha1.ResponseFormat(c.Body.Format), Records: &c.Body.Records, NotPersonal: convert[v1alpha1.BodyPointer](c.Body.NotPersonal),
		}),
	}
	if ref := c.Signature.KeyRef; ref != nil {
		out.KeyRef = &policy.SecretRef{Name: string(ref.Name), Key: ref.Key}
	}
	for _, k := range c.Kinds {
		out.Kinds = append(out.Kinds, policy.CallbackKind{Name: k.Name, In: slices.Clone(k.In), Processing: convert[ir.Processing](k.Processing)})
	}
	for _, e := range c.Events {
		event := policy.CallbackEvent{
			Type: consent.EventType(e.Event), Scope: consent.Scope(e.Scope), Channel: consent.Channel(e.Channel),
			Purpose: consent.PurposeID(e.Purpose), Controller: e.Controller,
		}
		for _, w := range e.When {
			event.When = append(event.When, ir.RecordCondition{Pointer: string(w.Pointer), In: slices.Clone(w.In)})
		}
		out.Events = append(out.Events, event)
	}
	return out
}

func signature(s *v1alpha1.CallbackSignature) ir.Signature {
	out := ir.Signature{
		Type: ir.SignatureType(s.Type), PublicKeys: slices.Clone(s.PublicKeys), Header: string(s.Header), Prefix: s.Prefix,
		Encoding: ir.SignatureEncoding(s.Encoding), Text: s.SignedText,
	}
	if t := s.Timestamp; t != nil {
		out.Timestamp = &ir.SignedTime{Header: string(t.Header), Prefix: t.Prefix, Format: ir.TimeFormat(t.Format)}
	}
	if s.Tolerance != nil {
		out.ToleranceSeconds = int64(s.Tolerance.Duration.Seconds())
	}
	return out
}

func callbackUse(c *v1alpha1.CallbackRule) policy.CallbackUse {
	out := policy.CallbackUse{
		Name: c.Name, Service: policy.ServiceRef{Namespace: string(c.Service.Namespace), Name: string(c.Service.Name)},
		Callback: string(c.Callback), Port: int(c.Port), Path: c.Path, Redaction: ir.Redaction(c.Redaction),
	}
	for _, r := range c.Records {
		out.Records = append(out.Records, policy.RecordsUse{Kind: r.Kind, Purpose: consent.PurposeID(r.Purpose), OnMissing: ir.OnMissing(r.OnMissing)})
	}
	return out
}
