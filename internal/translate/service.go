package translate

import (
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
			Party: ir.Party{Role: ir.Role(s.Party.Role), Name: s.Party.Name},
		},
		Namespace: d.Namespace, Allowed: selector(s.AllowedNamespaces),
	}
	for _, p := range s.Ports {
		out.Ports = append(out.Ports, ir.Port{Port: int(p.Port), Protocol: string(p.Protocol)})
	}
	for i := range s.Endpoints {
		out.Endpoints = append(out.Endpoints, endpoint(&s.Endpoints[i]))
	}
	return out
}

func endpoint(e *v1alpha1.Endpoint) ir.Endpoint {
	out := ir.Endpoint{
		Name: string(e.Name), Methods: convert[string](e.Methods), Path: e.Path,
		NoPersonalData: e.PersonalData == v1alpha1.PersonalDataNone,
		Processing:     convert[ir.Processing](e.Processing), Channel: consent.Channel(e.Channel),
	}
	for _, q := range e.Query {
		p := ir.QueryParam{Name: q.Name}
		if q.Person != nil {
			i := identifies(*q.Person)
			p.Person = &i
		}
		out.Query = append(out.Query, p)
	}
	if r := e.Request; r != nil {
		m := &ir.Message{Fields: fields(r.Fields), NotPersonal: convert[string](r.NotPersonal), Totals: convert[string](r.Totals)}
		for _, a := range r.Addressees {
			m.Addressees = append(m.Addressees, ir.Addressees{
				Each: string(a.Each), Identifier: string(a.Identifier), Identifies: identifies(a.Identifies), Unit: string(a.Unit),
			})
		}
		out.Request = m
	}
	if r := e.Response; r != nil {
		m := &ir.Message{Fields: fields(r.Fields), NotPersonal: convert[string](r.NotPersonal), Totals: convert[string](r.Totals)}
		if l := r.Records; l != nil {
			m.Records = &ir.Records{
				Each: string(l.Each), Identifier: string(l.Identifier), Identifies: identifies(l.Identifies), Time: string(l.Time),
				Fields: fields(l.Fields), NotPersonal: convert[string](l.NotPersonal),
			}
		}
		out.Response = m
	}
	return out
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
