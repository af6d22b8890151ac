package decide

import (
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Index is a bundle prepared for decisions. It is safe for concurrent use and always says the same; what it remembers saves time only.
type Index struct {
	bundle   *ir.Bundle
	hosts    map[string][]*service
	purposes map[consent.PurposeID]*ir.Purpose
	notices  map[consent.NoticeID]*ir.Notice
	plans    plans
}

type service struct {
	ir        *ir.Service
	endpoints []endpoint
	governed  bool // some rule, whatever its endpoint, refers to the service
}

type endpoint struct {
	ir *ir.Endpoint
	// located is the endpoint without what belongs to nobody who can be decided about.
	located  *ir.Endpoint
	template []string
	rules    []*ir.Rule
	pointers []string
	// partial tells that the workload is shown less than all of what requests to the endpoint overwrite.
	partial bool
}

// Endpoint is a declared endpoint that a request has matched.
type Endpoint struct {
	Service *ir.Service
	IR      *ir.Endpoint
	// Segments are the values of the path template's {names}.
	Segments map[string]string

	owner *service
	match *endpoint
}

// BodyPointers are the JSON pointers of the constants that Plan will ask the body for.
func (e *Endpoint) BodyPointers() []string { return e.match.pointers }

// Used tells whether some rule uses the endpoint. Without one there is no plan, whatever the request says, and a bundle holds no more of
// the endpoint than that it exists.
func (e *Endpoint) Used() bool { return len(e.match.rules) > 0 }

// Governed tells whether some rule, whatever its endpoint, refers to the service.
func (e *Endpoint) Governed() bool { return e.owner.governed }

// NewIndex prepares a valid bundle (see ir.Validate).
func NewIndex(b *ir.Bundle) *Index {
	x := &Index{
		bundle: b, hosts: map[string][]*service{},
		purposes: map[consent.PurposeID]*ir.Purpose{}, notices: map[consent.NoticeID]*ir.Notice{},
	}
	for i := range b.Purposes {
		x.purposes[b.Purposes[i].Name] = &b.Purposes[i]
	}
	for i := range b.Notices {
		x.notices[b.Notices[i].Name] = &b.Notices[i]
	}
	for i := range b.Services {
		s := &service{ir: &b.Services[i]}
		for j := range s.ir.Endpoints {
			s.endpoints = append(s.endpoints, endpoint{ir: &s.ir.Endpoints[j], located: located(&s.ir.Endpoints[j]), template: strings.Split(s.ir.Endpoints[j].Path, "/")[1:]})
		}
		x.attach(s)
		x.overwrites(s)
		for _, h := range s.ir.Hosts {
			x.hosts[h] = append(x.hosts[h], s)
		}
	}
	return x
}

func (x *Index) attach(s *service) {
	for i := range x.bundle.Rules {
		r := &x.bundle.Rules[i]
		if r.Service != s.ir.Name {
			continue
		}
		s.governed = true
		for j := range s.endpoints {
			e := &s.endpoints[j]
			if !slices.Contains(r.Endpoints, e.ir.Name) {
				continue
			}
			e.rules = append(e.rules, r)
			for _, c := range r.When {
				if c.Source == ir.SourceBody && !slices.Contains(e.pointers, c.Name) {
					e.pointers = append(e.pointers, c.Name)
				}
			}
		}
	}
}

// overwrites finds the endpoints with which the workload would erase what it is not shown.
func (x *Index) overwrites(s *service) {
	for i := range s.endpoints {
		e := &s.endpoints[i]
		if e.ir.Replaces == "" {
			continue
		}
		read := slices.IndexFunc(s.endpoints, func(o endpoint) bool { return o.ir.Name == e.ir.Replaces })
		e.partial = read < 0
		if read < 0 {
			continue
		}
		for _, r := range s.endpoints[read].rules {
			if r.OnMissing == ir.OnMissingRedactField || x.hides(r, s.endpoints[read].ir.Response) {
				e.partial = true
			}
		}
	}
}

// hides tells whether a rule's purpose is not shown some declared field of an answer.
func (x *Index) hides(r *ir.Rule, m *ir.Message) bool {
	p := x.purposes[r.Purpose]
	if p == nil || m == nil {
		return p == nil
	}
	fields := m.Fields
	if m.Records != nil {
		fields = append(slices.Clone(fields), m.Records.Fields...)
	}
	return slices.ContainsFunc(fields, func(f ir.Field) bool { return !slices.Contains(p.Categories, f.Category) })
}

// Bundle is the bundle that was indexed.
func (x *Index) Bundle() *ir.Bundle { return x.bundle }

// Purpose is a purpose of the bundle; nil for one that is not in it.
func (x *Index) Purpose(name consent.PurposeID) *ir.Purpose { return x.purposes[name] }

// Governs tells whether some service declares the host, on whatever port. Hosts are lower-case without port.
func (x *Index) Governs(host string) bool { return len(x.hosts[host]) > 0 }

// Service is the service that declares host and port; nil if none does.
func (x *Index) Service(host string, port int) *ir.Service {
	if s := x.service(host, port); s != nil {
		return s.ir
	}
	return nil
}

func (x *Index) service(host string, port int) *service {
	for _, s := range x.hosts[host] {
		for _, p := range s.ir.Ports {
			if p.Port == port {
				return s
			}
		}
	}
	return nil
}

// DenyMode is the mode that holds where a request has no plan.
func (x *Index) DenyMode() ir.Mode { return x.bundle.Mode }

// Endpoint finds the declared endpoint of a request. The path is decoded and canonical. Where several templates match, the one
// with the earliest literal segment wins. The reason is empty if one was found.
func (x *Index) Endpoint(method, host string, port int, path string) (*Endpoint, Reason) {
	s := x.service(host, port)
	if s == nil {
		return nil, HostUndeclared
	}
	if !strings.HasPrefix(path, "/") {
		return nil, NotCanonical
	}
	segments := strings.Split(path, "/")[1:]
	var best *endpoint
	for i := range s.endpoints {
		e := &s.endpoints[i]
		if slices.Contains(e.ir.Methods, method) && matches(e.template, segments) && (best == nil || moreLiteral(e.template, best.template)) {
			best = e
		}
	}
	switch {
	case best == nil && !s.governed:
		return nil, NoPolicy // a bundle holds no more of a service that no policy refers to
	case best == nil:
		return nil, EndpointUnknown
	}
	found := &Endpoint{Service: s.ir, IR: best.ir, Segments: map[string]string{}, owner: s, match: best}
	for i, t := range best.template {
		if name, ok := parameter(t); ok {
			found.Segments[name] = segments[i]
		}
	}
	return found, ""
}

func matches(template, segments []string) bool {
	if len(template) != len(segments) {
		return false
	}
	for i, t := range template {
		if _, ok := parameter(t); ok {
			if segments[i] == "" {
				return false
			}
		} else if t != segments[i] {
			return false
		}
	}
	return true
}

func parameter(segment string) (string, bool) {
	if len(segment) > 2 && segment[0] == '{' && segment[len(segment)-1] == '}' {
		return segment[1 : len(segment)-1], true
	}
	return "", false
}

func moreLiteral(a, b []string) bool {
	for i := range a {
		_, pa := parameter(a[i])
		_, pb := parameter(b[i])
		if pa != pb {
			return pb
		}
	}
	return false
}
