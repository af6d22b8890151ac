package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const generated = "<!-- Written by make generate from the comments in api/v1alpha1. Change them there. -->\n\n"

func page(d *definition) string {
	root := &d.Spec.Versions[0].Schema.OpenAPI
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s%s\n\n", d.Spec.Names.Kind, generated, flat(root.Description))
	fmt.Fprintf(&b, "`apiVersion: %s`, %s, `kubectl get %s`", d.apiVersion(), scope(d), d.Spec.Names.Plural)
	for _, s := range d.Spec.Names.ShortNames {
		fmt.Fprintf(&b, ", short name `%s`", s)
	}
	fmt.Fprintf(&b, ". Examples and common mistakes: [spec/%s.md](../spec/%s.md). For editors: [schemas/%s.json](schemas/%s.json).\n",
		d.file(), d.file(), d.file(), d.file())
	for _, part := range []string{"spec", "status"} {
		n := root.Properties[part]
		if n == nil || len(n.Properties) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n| field | type | meaning |\n|---|---|---|\n", part)
		fields(&b, n, "")
		var rules []string
		collect(n, part, &rules)
		if len(rules) > 0 {
			fmt.Fprintf(&b, "\nThe API server refuses what breaks one of these rules:\n\n%s", strings.Join(rules, ""))
		}
	}
	var rules []string
	own(root, "the object", &rules)
	if len(rules) > 0 {
		fmt.Fprintf(&b, "\n## The object as a whole\n\n%s", strings.Join(rules, ""))
	}
	return b.String()
}

func scope(d *definition) string {
	if d.Spec.Scope == "Namespaced" {
		return "namespaced"
	}
	return "cluster-scoped"
}

// fields writes a line for each member and those below it.
func fields(b *strings.Builder, n *node, prefix string) {
	for _, name := range slices.Sorted(maps.Keys(n.Properties)) {
		f := n.Properties[name]
		path := prefix + name
		text := flat(f.Description)
		if slices.Contains(n.Required, name) {
			text = "**Required.** " + text
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", path, kind(f), strings.ReplaceAll(strings.TrimSpace(text+limits(f)), "|", `\|`))
		if below, mark := inner(f); below != nil && !standard(below) {
			fields(b, below, path+mark+".")
		}
	}
}

// standard tells a condition, which Kubernetes documents.
func standard(n *node) bool {
	_, transition := n.Properties["lastTransitionTime"]
	return transition
}

func inner(n *node) (*node, string) {
	switch {
	case n.Items != nil && len(n.Items.Properties) > 0:
		return n.Items, "[]"
	case len(n.Properties) > 0:
		return n, ""
	default:
		return nil, ""
	}
}

func kind(n *node) string {
	switch {
	case n.IntOrString:
		return "integer or string"
	case n.Items != nil:
		return "list of " + kind(n.Items)
	case n.AdditionalProperties != nil:
		return "map of " + kind(n.AdditionalProperties)
	case n.Format == "date-time":
		return "time"
	default:
		return n.Type
	}
}

// limits says what the API server checks about a value or about each of a list.
func limits(n *node) string {
	of := n
	if n.Items != nil {
		of = n.Items
	}
	if len(of.Enum) > 0 {
		var values []string
		for _, v := range of.Enum {
			values = append(values, fmt.Sprintf("`%v`", v))
		}
		return " One of " + strings.Join(values, ", ") + "."
	}
	return ""
}

// collect gathers the sentences of all rules below a node.
func collect(n *node, path string, out *[]string) {
	own(n, "`"+path+"`", out)
	for _, name := range slices.Sorted(maps.Keys(n.Properties)) {
		if f := n.Properties[name]; !standard(f) {
			collect(f, path+"."+name, out)
		}
	}
	if n.Items != nil {
		collect(n.Items, path+"[]", out)
	}
}

func own(n *node, where string, out *[]string) {
	for _, r := range n.Rules {
		*out = append(*out, fmt.Sprintf("- %s: %s\n", where, flat(r.Message)))
	}
}

func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

func index(all []definition) string {
	var b strings.Builder
	b.WriteString("# API reference\n\n" + generated + "Every field of every kind, as `kubectl explain` shows it.\n\n| kind | scope | what it is |\n|---|---|---|\n")
	for i := range all {
		d := &all[i]
		fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s |\n", d.Spec.Names.Kind, d.file(), scope(d), flat(d.Spec.Versions[0].Schema.OpenAPI.Description))
	}
	b.WriteString("\nEditors check and complete manifests with the JSON Schemas in [schemas](schemas); [optup.json](schemas/optup.json) takes every kind.\n" +
		"[guides/editors.md](../guides/editors.md) says how.\n")
	return b.String()
}
