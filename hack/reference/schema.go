package main

import (
	"bytes"
	"encoding/json"
)

// node is a part of an OpenAPI schema as Kubernetes writes it. The members that are not for editors have names of their own.
type node struct {
	Description          string           `json:"description,omitempty"`
	Type                 string           `json:"type,omitempty"`
	Format               string           `json:"format,omitempty"`
	Enum                 []any            `json:"enum,omitempty"`
	Pattern              string           `json:"pattern,omitempty"`
	Minimum              *json.Number     `json:"minimum,omitempty"`
	Maximum              *json.Number     `json:"maximum,omitempty"`
	MinLength            *int             `json:"minLength,omitempty"`
	MaxLength            *int             `json:"maxLength,omitempty"`
	MinItems             *int             `json:"minItems,omitempty"`
	MaxItems             *int             `json:"maxItems,omitempty"`
	MinProperties        *int             `json:"minProperties,omitempty"`
	MaxProperties        *int             `json:"maxProperties,omitempty"`
	Required             []string         `json:"required,omitempty"`
	Properties           map[string]*node `json:"properties,omitempty"`
	Items                *node            `json:"items,omitempty"`
	AdditionalProperties *node            `json:"additionalProperties,omitempty"`
	AnyOf                []*node          `json:"anyOf,omitempty"`
	IntOrString          bool             `json:"x-kubernetes-int-or-string,omitempty"`
	ListType             string           `json:"x-kubernetes-list-type,omitempty"`
	Rules                []struct {
		Message string `json:"message"`
	} `json:"x-kubernetes-validations,omitempty"`
}

const draft = "http://json-schema.org/draft-07/schema#"

// editorSchema is the JSON Schema of one kind. It is stricter than the API server in one thing: what nobody declared is an error, as it is
// for the command line. The status is left out, since nobody writes it.
func editorSchema(d *definition) map[string]any {
	root := d.Spec.Versions[0].Schema.OpenAPI
	metadata := map[string]any{"name": map[string]any{"type": "string", "description": "name of the object"}}
	if d.Spec.Scope == "Namespaced" {
		metadata["namespace"] = map[string]any{"type": "string", "description": "namespace of the object"}
	}
	for _, m := range []string{"labels", "annotations"} {
		metadata[m] = map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}}
	}
	return map[string]any{
		"$schema": draft, "title": d.Spec.Names.Kind, "description": root.Description,
		"type": "object", "additionalProperties": false, "required": []string{"apiVersion", "kind", "metadata", "spec"},
		"properties": map[string]any{
			"apiVersion": map[string]any{"const": d.apiVersion()},
			"kind":       map[string]any{"const": d.Spec.Names.Kind},
			"metadata":   map[string]any{"type": "object", "required": []string{"name"}, "properties": metadata},
			"spec":       strict(root.Properties["spec"]),
		},
	}
}

// strict gives a schema without what only Kubernetes understands, with its rules as sentences, and closed to undeclared members.
func strict(n *node) map[string]any {
	out := map[string]any{}
	plain := *n
	plain.Properties, plain.Items, plain.AdditionalProperties, plain.Rules, plain.ListType = nil, nil, nil, nil, ""
	plain.IntOrString = false
	data, err := json.Marshal(plain)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		panic(err) // a schema that was read from JSON can be written as JSON
	}
	text := n.Description
	for _, r := range n.Rules {
		if text != "" {
			text += "\n"
		}
		text += "Rule: " + r.Message + "."
	}
	if text != "" {
		out["description"] = text
	}
	if n.ListType == "set" {
		out["uniqueItems"] = true
	}
	if n.Items != nil {
		out["items"] = strict(n.Items)
	}
	switch {
	case n.AdditionalProperties != nil:
		out["additionalProperties"] = strict(n.AdditionalProperties)
	case n.Properties != nil:
		members := map[string]any{}
		for name, p := range n.Properties {
			members[name] = strict(p)
		}
		out["properties"], out["additionalProperties"] = members, false
	}
	return out
}

// combined tells the kinds apart by their kind.
func combined(all []definition) map[string]any {
	var kinds []any
	for i := range all {
		kinds = append(kinds, map[string]any{"$ref": all[i].file() + ".json"})
	}
	return map[string]any{"$schema": draft, "title": "OptUp", "description": "Any object of OptUp.", "oneOf": kinds}
}

func writeJSON(name string, v any) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	return write(name, out.String())
}
