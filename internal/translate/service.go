package translate

import (
	"encoding/json"
	"slices"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

func service(d *v1alpha1.DataService) policy.Service {
	s := &d.Spec
	out := policy.Service{
		Service: ir.Service{
			Name: d.Namespace + "/" + d.Name, Hosts: convert[string](s.Hosts),
			Party: ir.Party{Role: ir.Role(s.Party.Role), Name: s.Party.Name}, Authorities: s.Authorities,
		},
		Namespace: d.Namespace, Allowed: selector(s.AllowedNamespaces), Since: d.CreationTimestamp.Time,
	}
	out.Credential = credential(s)
	if t := s.Party.Transfer; t != nil {
		out.Party.Transfer = &ir.Transfer{Country: string(t.Country), Basis: ir.TransferBasis(t.Basis)}
	}
	for _, p := range s.Ports {
		port := ir.Port{Port: int(p.Port), Protocol: string(p.Protocol)}
		if p.TLS != nil && p.TLS.Mode == v1alpha1.TLSOriginate {
			port.TLSPort = int(p.TLS.Port)
		}
		port.Intercept = p.TLS != nil && p.TLS.Mode == v1alpha1.TLSIntercept
		out.Ports = append(out.Ports, port)
	}
	out.Workloads = ServiceWorkloads(s.Workloads)
	for i := range s.Endpoints {
		out.Endpoints = append(out.Endpoints, endpoint(&s.Endpoints[i]))
	}
	for i := range s.Callbacks {
		out.Callbacks = append(out.Callbacks, callback(&s.Callbacks[i]))
	}
	return out
}

// ServiceWorkloads translates which pods are a service; nil if nobody says it.
func ServiceWorkloads(w *v1alpha1.ServiceWorkloads) *policy.ServiceWorkloads {
	if w == nil {
		return nil
	}
	out := &policy.ServiceWorkloads{Ports: map[int]int{}}
	for _, t := range w.TargetRefs {
		out.Targets = append(out.Targets, policy.Target{Kind: t.Kind, Name: t.Name})
	}
	if w.Selector != nil {
		out.Selector = w.Selector.MatchLabels
	}
	for _, p := range w.Ports {
		out.Ports[int(p.Port)] = int(p.TargetPort)
	}
	return out
}

// Reach is what decides where a service is governed, and nothing of its endpoints.
func Reach(d *v1alpha1.DataService) policy.Service {
	return policy.Service{
		Service:   ir.Service{Name: d.Namespace + "/" + d.Name, Hosts: convert[string](d.Spec.Hosts)},
		Namespace: d.Namespace, Allowed: selector(d.Spec.AllowedNamespaces),
	}
}

// Allowed says which namespaces, besides its own, may refer to a service.
func Allowed(d *v1alpha1.DataService) policy.NamespaceSelector {
	return selector(d.Spec.AllowedNamespaces)
}

func endpoint(e *v1alpha1.Endpoint) ir.Endpoint {
	out := ir.Endpoint{
		Name: string(e.Name), Methods: convert[string](e.Methods), Path: e.Path,
		NoPersonalData: e.PersonalData == v1alpha1.PersonalDataNone,
		Processing:     convert[ir.Processing](e.Processing), Channel: consent.Channel(e.Channel),
		Replaces: string(e.Replaces), Request: request(e.Request), Response: response(e.Response),
	}
	for _, q := range e.Query {
		p := ir.QueryParam{Name: q.Name}
		if q.Person != nil {
			i := identifies(*q.Person)
			p.Person = &i
		}
		out.Query = append(out.Query, p)
	}
	for _, s := range e.Segments {
		out.Segments = append(out.Segments, ir.PathSegment{Name: s.Name, Person: identifies(s.Person)})
	}
	for _, f := range e.Fulfils {
		out.Fulfils = append(out.Fulfils, ir.Fulfilment{Obligation: ir.Obligation(f.Obligation), Pointer: string(f.Pointer), In: slices.Clone(f.In)})
	}
	return out
}

func request(r *v1alpha1.RequestBody) *ir.Message {
	if r == nil {
		return nil
	}
	m := &ir.Message{
		Format: format(r.Format), Fields: fields(r.Fields), NotPersonal: convert[string](r.NotPersonal), Totals: convert[string](r.Totals),
	}
	for _, a := range r.Addressees {
		m.Addressees = append(m.Addressees, ir.Addressees{
			Each: string(a.Each), Identifier: string(a.Identifier), Identifies: identifies(a.Identifies), Columns: string(a.Columns),
			Time: string(a.Time), TimeFormat: ir.TimeFormat(a.TimeFormat), Unit: string(a.Unit),
		})
	}
	for _, s := range r.Switches {
		m.Switches = append(m.Switches, ir.Switch{
			Tracking: ir.Tracking(s.Tracking), Pointer: string(s.Pointer), Off: off(s.OffValue), Processing: convert[ir.Processing](s.Processing),
		})
	}
	return m
}

// format gives the one spelling of JSON that bundles have, which is none.
func format[T ~string](f T) ir.Format {
	if f == v1alpha1.FormatJSON {
		return ir.FormatJSON
	}
	return ir.Format(f)
}

// off gives nothing for what is no JSON: the compiler finds that, while raw text that is no JSON could not even be encoded.
func off(value string) json.RawMessage {
	if json.Valid([]byte(value)) {
		return json.RawMessage(value)
	}
	return nil
}

func response(r *v1alpha1.ResponseBody) *ir.Message {
	if r == nil {
		return nil
	}
	m := &ir.Message{
		Format: format(r.Format), Fields: fields(r.Fields), NotPersonal: convert[string](r.NotPersonal), Totals: convert[string](r.Totals),
	}
	if l := r.Records; l != nil {
		m.Records = &ir.Records{
			Each: string(l.Each), Identifier: string(l.Identifier), Identifies: identifies(l.Identifies), Columns: string(l.Columns),
			Time: string(l.Time), TimeFormat: ir.TimeFormat(l.TimeFormat),
			Fields: fields(l.Fields), NotPersonal: convert[string](l.NotPersonal),
		}
	}
	return m
}

func identifies(i v1alpha1.Identifies) ir.Identifies {
	out := ir.Identifies{Type: consent.IdentifierType(i.Type), Form: consent.Form(i.Form)}
	if out.Form == "" {
		out.Form = consent.FormPlain
	}
	return out
}

func fields(in []v1alpha1.PersonalField) []ir.Field {
	var out []ir.Field
	for _, f := range in {
		out = append(out, ir.Field{Pointer: string(f.Pointer), Category: string(f.Category)})
	}
	return out
}
