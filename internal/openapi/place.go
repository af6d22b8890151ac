package openapi

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/optup/optup/api/v1alpha1"
)

// What the API takes.
const (
	maxHosts     = 32
	maxPorts     = 16
	maxPath      = 512
	maxLabel     = 63
	unknownHost  = "fill-in.invalid"
	maxServers   = 64
	plainPort    = 80
	tlsPort      = 443
	highestPort  = 65535
	maxHostChars = 253
)

// place is where a service is, by the servers of its document.
type place struct {
	hosts   []v1alpha1.Host
	ports   []v1alpha1.ServicePort
	base    string
	guesses []Guess
}

var hostname = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// servers finds hosts and ports. The path of the first server counts for all; servers with another one are left out.
func servers(list openapi3.Servers) place {
	var p place
	guess := func(what What, value string, c Confidence, why string, declared bool) {
		p.guesses = append(p.guesses, Guess{Part: PartService, What: what, Value: value, Confidence: c, Why: why, Declared: declared})
	}
	if len(list) > maxServers {
		list = list[:maxServers]
	}
	for i, s := range list {
		u, c, why := address(s)
		if u == nil {
			continue
		}
		base := strings.TrimSuffix(u.Path, "/")
		if i == 0 {
			p.base = base
		}
		host := strings.ToLower(u.Hostname())
		if host == "" {
			continue
		}
		if base != p.base {
			guess(WhatNote, clean(s.URL), High, "this server has another path than the first; a service has one, so it is left out", false)
			continue
		}
		if len(host) > maxHostChars || !hostname.MatchString(host) || len(p.hosts) == maxHosts {
			guess(WhatNote, clean(s.URL), High, "the host of this server cannot be declared", false)
			continue
		}
		if !slices.Contains(p.hosts, v1alpha1.Host(host)) {
			p.hosts = append(p.hosts, v1alpha1.Host(host))
			guess(WhatHost, host, c, why, true)
		}
		port, why := portOf(u)
		same := slices.IndexFunc(p.ports, func(x v1alpha1.ServicePort) bool { return x.Port == port.Port })
		switch {
		case same >= 0 && p.ports[same].Protocol != port.Protocol:
			guess(WhatNote, clean(s.URL), High, "another server speaks "+string(p.ports[same].Protocol)+" on this port; a port has one protocol, so that one counts", false)
		case same < 0 && port.Port > 0 && len(p.ports) < maxPorts:
			p.ports = append(p.ports, port)
			guess(WhatPort, fmt.Sprint(port.Port), High, why, true)
		}
	}
	if len(p.hosts) == 0 {
		p.hosts = []v1alpha1.Host{unknownHost}
		guess(WhatHost, unknownHost, Low, "the document names no host: fill in all names under which workloads call the service", true)
	}
	if len(p.ports) == 0 {
		p.ports = []v1alpha1.ServicePort{{Port: plainPort, Protocol: v1alpha1.ProtocolHTTP}}
		guess(WhatPort, fmt.Sprint(plainPort), Low, "the document names no port", true)
	}
	return p
}

// address gives the URL of a server, with the defaults of its variables.
func address(s *openapi3.Server) (*url.URL, Confidence, string) {
	if s == nil {
		return nil, Low, ""
	}
	raw, c, why := s.URL, High, "by its servers"
	for name, v := range s.Variables {
		if v != nil && strings.Contains(raw, "{"+name+"}") {
			raw = strings.ReplaceAll(raw, "{"+name+"}", v.Default)
			c, why = Medium, "by its servers, with the default of a variable"
		}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, Low, ""
	}
	return u, c, why
}

// portOf gives port and protocol of a server; port 0 if it has none that exists.
func portOf(u *url.URL) (v1alpha1.ServicePort, string) {
	p := v1alpha1.ServicePort{Port: plainPort, Protocol: v1alpha1.ProtocolHTTP}
	why := "by its servers"
	if strings.EqualFold(u.Scheme, "https") {
		p.Port, p.Protocol, why = tlsPort, v1alpha1.ProtocolHTTPS, "by its servers, which speak TLS"
	}
	if s := u.Port(); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > highestPort {
			return v1alpha1.ServicePort{}, ""
		}
		p.Port = int32(n)
	}
	return p, why
}

// of gives the path of the servers of one operation, and why it cannot be part of the service.
func (p *place) of(item openapi3.Servers, op *openapi3.Servers) (string, string) {
	list := item
	if op != nil && len(*op) > 0 {
		list = *op
	}
	if len(list) == 0 {
		return p.base, ""
	}
	u, _, _ := address(list[0])
	if u == nil || (u.Hostname() != "" && !slices.Contains(p.hosts, v1alpha1.Host(strings.ToLower(u.Hostname())))) {
		return p.base, "it has a server of its own; import it as a service of its own"
	}
	return strings.TrimSuffix(u.Path, "/"), ""
}

var (
	declaredPath = regexp.MustCompile(`^(/([{][A-Za-z_][A-Za-z0-9_]*[}]|[^/{}?#%]*))+$`)
	notInName    = regexp.MustCompile(`[^A-Za-z0-9_]+`)
	notInLabel   = regexp.MustCompile(`[^a-z0-9]+`)
)

// template gives a path of the document as one of the API, or why that cannot be.
func template(p string) (string, string) {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		if len(s) > 2 && s[0] == '{' && s[len(s)-1] == '}' && strings.Count(s, "{") == 1 && strings.Count(s, "}") == 1 {
			segments[i] = "{" + segmentName(s[1:len(s)-1]) + "}"
			continue
		}
		if decoded, err := url.PathUnescape(s); err == nil {
			segments[i] = decoded
		}
	}
	out := strings.Join(segments, "/")
	switch {
	case !writable(out) || strings.Contains(out, "\\"):
		return out, "its path has signs that cannot be declared"
	case len(out) > maxPath:
		return out, "its path is too long"
	case !declaredPath.MatchString(out):
		return out, "its path has a parameter that is not a whole segment, or signs that cannot be declared"
	case strings.Count(out, "/") != strings.Count(p, "/"):
		return out, "its path hides a slash in a segment"
	}
	return out, ""
}

// segmentName gives the name of a path parameter as one of the API.
func segmentName(s string) string {
	name := strings.Trim(notInName.ReplaceAllString(s, "_"), "_")
	if name == "" || (name[0] >= '0' && name[0] <= '9') {
		name = "p" + name
	}
	return name
}

// shape gives a template without the names of its parameters.
func shape(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

func wordsOf(tags []string, id, path string) words {
	var out words
	for _, t := range tags {
		out = append(out, split(t)...)
	}
	out = append(out, split(id)...)
	for s := range strings.SplitSeq(path, "/") {
		if !strings.HasPrefix(s, "{") {
			out = append(out, split(s)...)
		}
	}
	return out
}

// nameOf gives the name of an endpoint: by its identifier, or by method and path.
func nameOf(o *operation) string {
	return label(o.id, label(o.method+o.path, "endpoint"))
}

// label makes a name of at most 63 lower-case letters, digits and hyphens of a text, or gives the other one.
func label(s, otherwise string) string {
	s = strings.Trim(notInLabel.ReplaceAllString(strings.ToLower(s), "-"), "-")
	if len(s) > maxLabel {
		s = strings.Trim(s[:maxLabel], "-")
	}
	if s == "" {
		return otherwise
	}
	return s
}

// labels are the names that were given, with the last number put to each.
type labels map[string]int

// unique makes a name one that was not given yet.
func (l labels) unique(name string) string {
	if _, taken := l[name]; !taken {
		l[name] = 1
		return name
	}
	for {
		l[name]++
		suffix := fmt.Sprintf("-%d", l[name])
		out := strings.TrimRight(name[:min(len(name), maxLabel-len(suffix))], "-") + suffix
		if _, taken := l[out]; !taken {
			l[out] = 1
			return out
		}
	}
}
