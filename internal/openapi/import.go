package openapi

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
)

// Options say what to import, and how.
type Options struct {
	// Name and Namespace of the DataService; the name is made of the title if it is empty.
	Name, Namespace string
	// Tags and Paths limit what is imported; empty for all. A path may hold "*" for anything but a slash, and end in "/*" for all
	// below; it is that of the endpoint, with that of the server.
	Tags, Paths []string
	// Least is how sure a guess has to be to be declared; Medium if empty. What is Low is never declared where that would let
	// something pass that else would not.
	Least Confidence
}

// PartyPlaceholder stands where somebody has to say who operates the service.
const PartyPlaceholder = "FILL IN"

// MaxEndpoints is how many endpoints a DataService holds.
const MaxEndpoints = 256

// methods of the API, in the order of a draft.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// Import drafts a DataService from a document. Errors are about the document or the options, in one sentence.
func Import(document []byte, o Options) (*Draft, error) {
	if o.Least == "" {
		o.Least = Medium
	}
	if o.Least.rank() == 0 {
		return nil, fmt.Errorf("confidence is low, medium or high, not %q", clean(string(o.Least)))
	}
	for _, name := range []string{o.Name, o.Namespace} {
		if name != "" && label(name, "") != name {
			return nil, fmt.Errorf("%q is no name: at most 63 lower-case letters, digits and hyphens", clean(name))
		}
	}
	for _, p := range o.Paths {
		if _, err := path.Match(p, "/"); err != nil {
			return nil, fmt.Errorf("the path %q is no pattern: it has an open bracket", clean(p))
		}
	}
	doc, source, broken, err := read(document)
	if err != nil {
		return nil, err
	}
	d := &Draft{Source: source, Guesses: []Guess{}}
	d.Service.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "DataService"}
	d.Service.Name, d.Service.Namespace = o.Name, o.Namespace
	if d.Service.Name == "" {
		d.Service.Name = label(source.Title, "imported")
	}
	where := servers(doc.Servers)
	d.Service.Spec.Hosts, d.Service.Spec.Ports = where.hosts, where.ports
	d.Service.Spec.Party = v1alpha1.Party{Role: v1alpha1.RoleController, Name: PartyPlaceholder}
	d.Guesses = append(d.Guesses, where.guesses...)
	d.Guesses = append(d.Guesses, Guess{
		Part: PartService, What: WhatParty, Value: PartyPlaceholder, Confidence: Low, Declared: true,
		Why: "nobody has said who operates the service; as long as it is a controller of this name, only a consent that names it permits anything",
	})
	for _, b := range broken {
		d.Guesses = append(d.Guesses, Guess{Part: PartService, Pointer: b, What: WhatNote, Confidence: High, Why: "this reference leads nowhere within the document; what it stands for is not known"})
	}
	d.endpoints(doc, where, &o)
	if d.Counts.Operations == 0 {
		return nil, fmt.Errorf("the document describes no operation")
	}
	if len(d.Service.Spec.Endpoints) == 0 {
		return nil, fmt.Errorf("none of the document's %d operations can be imported with these tags and paths", d.Counts.Operations)
	}
	if n := len(d.Service.Spec.Endpoints); n > MaxEndpoints {
		d.Guesses = append(d.Guesses, Guess{
			Part: PartService, What: WhatNote, Confidence: High,
			Why: fmt.Sprintf("%d endpoints are more than one DataService holds (%d); import in parts, by tags or paths", n, MaxEndpoints),
		})
	}
	d.count()
	return d, nil
}

func (d *Draft) endpoints(doc *openapi3.T, where place, o *Options) {
	names := labels{}
	templates := map[string]string{}
	single := map[string]v1alpha1.EndpointName{} // endpoints that answer GET with one record
	man := &draftsman{least: o.Least, unfolder: unfolder{left: maxNodes}}
	paths := doc.Paths.Map()
	for _, p := range sortedKeys(paths) {
		item := paths[p]
		if item == nil {
			continue
		}
		operations := item.Operations()
		for _, method := range sortedKeys(operations) {
			if !slices.Contains(methods, method) {
				d.Counts.Operations++
				d.leaveOut(method+" "+p, "the method is not one that can be declared")
			}
		}
		for _, method := range methods {
			op := operations[method]
			if op == nil {
				continue
			}
			d.Counts.Operations++
			base, own := where.of(item.Servers, op.Servers)
			parameters := slices.Concat(item.Parameters, op.Parameters)
			whole, why := template(base + p)
			x := &operation{method: method, path: whole, call: method + " " + clean(base+p), id: op.OperationID, tags: op.Tags}
			x.words, x.pathWords = wordsOf(op.Tags, op.OperationID, whole), wordsOf(nil, "", p)
			if !o.wanted(x) {
				continue
			}
			key := method + " " + shape(whole)
			switch {
			case own != "":
				why = own
			case why == "" && templates[key] != "":
				why = "it cannot be told from " + templates[key]
			}
			if why != "" {
				d.leaveOut(x.call, why)
				continue
			}
			templates[key] = x.call
			e, guesses := man.endpoint(x, names.unique(nameOf(x)), op, parameters)
			guesses = append(guesses, replaces(&e, single)...)
			for i := range guesses {
				guesses[i].Endpoint, guesses[i].Call = string(e.Name), x.call
			}
			d.Service.Spec.Endpoints = append(d.Service.Spec.Endpoints, e)
			d.Guesses = append(d.Guesses, guesses...)
		}
	}
}

// replaces declares that PUT overwrites the one record that GET on the same path answers with. It is declared however sure guesses
// have to be, because it only refuses. single are the endpoints that answer with one record, by path; a GET is put there.
func replaces(e *v1alpha1.Endpoint, single map[string]v1alpha1.EndpointName) []Guess {
	switch e.Methods[0] {
	case "GET":
		if e.Response != nil && e.Response.Records != nil && e.Response.Records.Each == "" {
			single[shape(e.Path)] = e.Name
		}
	case "PUT":
		if name := single[shape(e.Path)]; name != "" && e.PersonalData != v1alpha1.PersonalDataNone {
			e.Replaces = name
			return []Guess{{
				Part: PartEndpoint, What: WhatReplaces, Value: string(name), Confidence: Medium, Declared: true,
				Why: "PUT on the path on which GET answers with one record",
			}}
		}
	}
	return nil
}

func (d *Draft) leaveOut(call, why string) {
	d.Guesses = append(d.Guesses, Guess{Call: clean(call), Part: PartService, What: WhatNote, Confidence: High, Why: "left out, and so denied: " + why})
}

// wanted tells whether tags and paths let an operation in.
func (o *Options) wanted(x *operation) bool {
	if len(o.Tags) > 0 && !slices.ContainsFunc(x.tags, func(t string) bool {
		return slices.ContainsFunc(o.Tags, func(w string) bool { return strings.EqualFold(t, w) })
	}) {
		return false
	}
	return len(o.Paths) == 0 || slices.ContainsFunc(o.Paths, func(pattern string) bool {
		if ok, _ := path.Match(pattern, x.path); ok {
			return true
		}
		below, tail := strings.CutSuffix(pattern, "/*")
		if !tail {
			return false
		}
		segments := strings.Split(x.path, "/")
		n := strings.Count(below, "/") + 1
		if len(segments) <= n {
			return false
		}
		ok, _ := path.Match(below, strings.Join(segments[:n], "/"))
		return ok
	})
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
