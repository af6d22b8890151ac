package manifest

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/optup/optup/internal/policy"
)

// maxProblems is how many problems of one document are told.
const maxProblems = 100

// document is one document while it is read, or one item of a list.
type document struct {
	source source
	ref    policy.Ref
	found  Problems
	more   int
}

func (d *document) report(at Position, path, message string) {
	if len(d.found) >= maxProblems {
		d.more++
		return
	}
	d.found = append(d.found, Problem{Position: at, Field: path, Message: message})
}

func (d *document) reportField(path *field.Path, message string) {
	if len(d.found) >= maxProblems {
		d.more++
		return
	}
	name := pathName(path)
	d.report(d.source.at(name), name, message)
}

func pathName(path *field.Path) string {
	if path == nil {
		return ""
	}
	return path.String()
}

// done hands over what was found.
func (d *document) done(r *Reader) {
	for _, p := range d.found {
		p.Resource = d.ref
		r.problems = append(r.problems, p)
	}
	if d.more > 0 {
		p := d.found[len(d.found)-1]
		r.problems = append(r.problems, Problem{Position: p.Position, Resource: d.ref, Message: fmt.Sprintf("has %d more problems", d.more)})
	}
}

// document reads one document.
func (r *Reader) document(s source, expanded *int) {
	d := &document{source: s}
	t := tree{expanded: expanded, report: func(n *yaml.Node, path *field.Path, message string) { d.report(s.position(n), pathName(path), message) }}
	v := t.value(s.node, nil)
	content, ok := v.(map[string]any)
	switch {
	case t.broken || v == nil:
	case !ok:
		d.report(s.position(s.node), "", "a document is an object with apiVersion and kind, and this is "+kindOf(v))
	default:
		r.object(d, content, "", "")
		return
	}
	if len(d.found) > 0 {
		r.unread++
	}
	d.done(r)
}

// object reads one object, or the items of a list. Items of a list of one kind may leave out what the list says.
func (r *Reader) object(d *document, content map[string]any, apiVersion, kindName string) {
	defer d.done(r)
	given := func(key, otherwise string) string {
		switch v := content[key].(type) {
		case string:
			return v
		case nil:
		default:
			d.report(d.source.at(key), key, "must be text, and is "+kindOf(v)+"; put it in quotes")
		}
		return otherwise
	}
	apiVersion, kindName = given("apiVersion", apiVersion), given("kind", kindName)
	switch {
	case apiVersion == "" && kindName == "":
		d.report(d.source.at(""), "", "has neither apiVersion nor kind: this is no Kubernetes object")
	case apiVersion == "":
		d.report(d.source.at(""), "", "has no apiVersion")
	case kindName == "":
		d.report(d.source.at(""), "", "has no kind")
	}
	if apiVersion == "" || kindName == "" {
		r.unread++
		return
	}
	if items, ok := content["items"].([]any); ok && strings.HasSuffix(kindName, "List") && content["spec"] == nil {
		r.items(d, items, apiVersion, strings.TrimSuffix(kindName, "List"))
		return
	}
	d.ref = policy.Ref{Kind: shown(kindName), Namespace: text(content, "metadata", "namespace"), Name: text(content, "metadata", "name")}
	k := find(apiVersion, kindName)
	if k == nil {
		if path, message := mistaken(apiVersion, kindName); message != "" {
			d.report(d.source.at(path), path, message)
			r.unread++
		} else {
			r.workload(d, content)
		}
		return
	}
	r.known(d, k, content)
}

// items reads the items of a list. kubectl get writes such lists.
func (r *Reader) items(d *document, items []any, apiVersion, kindName string) {
	_, list, _ := child(d.source.node, "items")
	if kindName == "" {
		apiVersion = ""
	}
	list = resolved(list)
	for i, item := range items {
		inner := &document{source: d.source}
		inner.source.node = resolved(list.Content[i])
		if content, ok := item.(map[string]any); ok {
			r.object(inner, content, apiVersion, kindName)
		} else {
			r.unread++
			d.report(inner.source.at(""), field.NewPath("items").Index(i).String(), "an item is an object, and this is "+kindOf(item))
		}
	}
}

// known reads an object of a kind that is ours to read.
func (r *Reader) known(d *document, k *kind, content map[string]any) {
	if k.scope == cluster {
		d.ref.Namespace = ""
	} else if d.ref.Namespace == "" {
		d.ref.Namespace = r.Namespace
	}
	doc := Document{Ref: d.ref, APIVersion: k.apiVersion, Content: content, source: d.source}
	if k.typ == nil {
		r.documents = append(r.documents, doc)
		return
	}
	if d.ref.Name == "" {
		d.report(d.source.at("metadata.name"), "metadata.name", "the object has no name")
	}
	c := checker{report: d.reportField}
	sound, ok := c.check(content, k.typ, nil).(map[string]any)
	if !ok {
		return
	}
	if meta, ok := sound["metadata"].(map[string]any); ok && d.ref.Namespace != "" {
		meta["namespace"] = d.ref.Namespace
	}
	doc.Replaces = r.place(d, func(at int) (int, error) { return k.put(&r.objects, sound, at) })
	r.documents = append(r.documents, doc)
}

// place has an object put where the one before it by the same name was, and tells where that stands.
func (r *Reader) place(d *document, put func(at int) (int, error)) *Position {
	if r.index == nil {
		r.index, r.sources.objects = map[policy.Ref]int{}, map[policy.Ref]source{}
	}
	at, had := r.index[d.ref]
	if had = had && d.ref.Name != ""; !had {
		at = -1
	}
	at, err := put(at)
	if err != nil {
		d.report(d.source.at(""), "", shown(err.Error()))
		return nil
	}
	var before *Position
	if had {
		p := r.sources.objects[d.ref].at("")
		before = &p
	}
	r.index[d.ref], r.sources.objects[d.ref] = at, d.source
	return before
}

// workload takes whatever has a pod template; everything else is not ours to read.
func (r *Reader) workload(d *document, content map[string]any) {
	path := field.NewPath("spec", "template")
	template := at(content, "spec", "template")
	if job := at(content, "spec", "jobTemplate"); job != nil {
		template, path = at(job, "spec", "template"), field.NewPath("spec", "jobTemplate", "spec", "template")
	}
	switch {
	case template != nil:
	case d.ref.Kind == "Pod":
		template, path = content, nil
	default:
		return
	}
	w := policy.Workload{Namespace: d.ref.Namespace, Kind: d.ref.Kind, Name: d.ref.Name}
	if w.Namespace == "" {
		w.Namespace = r.Namespace
		d.ref.Namespace = r.Namespace
	}
	if labels := template["metadata"]; labels != nil {
		meta, _ := labels.(map[string]any)
		c := checker{report: d.reportField}
		if sound, ok := c.check(meta["labels"], reflect.TypeFor[map[string]string](), path.Child("metadata", "labels")).(map[string]any); ok {
			w.Labels = map[string]string{}
			for k, v := range sound {
				w.Labels[k] = v.(string)
			}
		}
	}
	r.place(d, func(at int) (int, error) {
		if at < 0 {
			r.objects.Workloads = append(r.objects.Workloads, w)
			return len(r.objects.Workloads) - 1, nil
		}
		r.objects.Workloads[at] = w
		return at, nil
	})
}

// at gives the object at a path, or nil.
func at(v map[string]any, path ...string) map[string]any {
	for _, p := range path {
		v, _ = v[p].(map[string]any)
	}
	return v
}

func text(content map[string]any, object, key string) string {
	s, _ := at(content, object)[key].(string)
	return s
}
