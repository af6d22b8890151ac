package openapi

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a document may hold, and how much of a text is looked at.
const (
	maxNesting = 400
	maxText    = 600
	maxChain   = 20
)

// tidy gives a copy of a document with what is looked at later: no examples, limits or extensions, shortened texts. What stands in
// the wrong form is left out rather than refused, since documents in the wild are full of it. References that lead nowhere, or out of
// the document, become schemas of which nothing is known; they are named.
func tidy(doc map[string]any) (map[string]any, []string, error) {
	t := &tidier{doc: doc}
	out, _ := t.object(doc, false, 0).(map[string]any)
	slices.Sort(t.broken)
	if t.deep {
		return nil, nil, errors.New("the document is nested too deeply to be the description of an API")
	}
	return out, slices.Compact(t.broken), nil
}

type tidier struct {
	doc    map[string]any
	broken []string
	deep   bool
}

// named are the members whose value is an object with freely chosen names.
var named = []string{
	"properties", "patternProperties", "$defs", "definitions", "schemas", "responses", "parameters", "requestBodies", "securityDefinitions",
	"paths", "content", "pathItems", "variables",
}

// unread are the members that nothing here needs. Many hold what libraries stumble over.
var unread = []string{
	"example", "examples", "externalDocs", "xml", "required", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
	"multipleOf", "pattern", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "uniqueItems",
	"discriminator", "security", "securityDefinitions", "securitySchemes", "callbacks", "links", "headers", "contact", "license", "const",
	"not", "if", "then", "else", "webhooks", "dependentRequired", "dependentSchemas", "propertyNames", "contains", "minContains",
	"maxContains", "unevaluatedItems", "unevaluatedProperties", "prefixItems", "jsonSchemaDialect", "$schema", "$id", "$anchor",
	"$dynamicRef", "$dynamicAnchor", "$comment", "encoding", "style", "explode", "collectionFormat", "allowReserved", "allowEmptyValue",
	"deprecated", "nullable", "readOnly", "writeOnly", "$vocabulary", "contentSchema", "termsOfService", "summary", "identifier",
}

var (
	isNamed  = setOf(named)
	isUnread = setOf(unread)
)

func setOf(list []string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, s := range list {
		m[s] = true
	}
	return m
}

func (t *tidier) value(v any, names bool, depth int) any {
	if depth > maxNesting {
		t.deep = true
		return nil
	}
	switch v := v.(type) {
	case map[string]any:
		return t.object(v, names, depth)
	case []any:
		out := make([]any, 0, len(v))
		for _, x := range v {
			if x = t.value(x, false, depth+1); x != nil {
				out = append(out, x)
			}
		}
		return out
	case string:
		return shorten(v)
	default:
		return v
	}
}

func (t *tidier) object(m map[string]any, names bool, depth int) any {
	if ref, ok := m["$ref"].(string); ok && !names {
		if t.resolves(ref) {
			return map[string]any{"$ref": ref}
		}
		t.broken = append(t.broken, clean(ref))
		return map[string]any{}
	}
	out := make(map[string]any, len(m))
	for k, v := range m {
		if !names && (isUnread[k] || strings.HasPrefix(k, "x-")) {
			continue
		}
		if v = t.value(v, !names && isNamed[k], depth+1); v != nil && (names || fits(k, v)) {
			out[k] = v
		}
	}
	return out
}

// fits tells whether a member has a form in which it can be read.
func fits(name string, v any) bool {
	switch name {
	case "type":
		if list, ok := v.([]any); ok {
			return len(list) > 0 && !slices.ContainsFunc(list, func(x any) bool { _, ok := x.(string); return !ok })
		}
		_, ok := v.(string)
		return ok
	case "format", "description", "title", "operationId", "in", "host", "basePath", "url", "default":
		_, ok := v.(string)
		return ok
	case "allOf", "anyOf", "oneOf", "tags", "enum", "servers", "schemes", "consumes", "produces":
		_, ok := v.([]any)
		return ok
	case "properties", "patternProperties", "paths", "components", "content", "responses", "schemas", "info":
		_, ok := v.(map[string]any)
		return ok
	case "items", "additionalProperties", "schema":
		switch v.(type) {
		case map[string]any, bool:
			return true
		}
		return false
	default:
		return true
	}
}

// resolves tells whether a reference leads to something within the document, through other references if need be.
func (t *tidier) resolves(ref string) bool {
	for range maxChain {
		v, ok := t.at(ref)
		m, isObject := v.(map[string]any)
		if !ok || !isObject {
			return false
		}
		next, chained := m["$ref"].(string)
		if !chained {
			return true
		}
		ref = next
	}
	return false
}

// at gives what stands at a reference such as "#/components/schemas/Person". References into what is not read lead nowhere.
func (t *tidier) at(ref string) (any, bool) {
	pointer, local := strings.CutPrefix(ref, "#/")
	if !local {
		return nil, false
	}
	if decoded, err := url.PathUnescape(pointer); err == nil {
		pointer = decoded
	}
	var v any = t.doc
	names := false
	for segment := range strings.SplitSeq(pointer, "/") {
		segment = strings.ReplaceAll(strings.ReplaceAll(segment, "~1", "/"), "~0", "~")
		if !names && (isUnread[segment] || strings.HasPrefix(segment, "x-")) {
			return nil, false
		}
		switch in := v.(type) {
		case map[string]any:
			x, ok := in[segment]
			if !ok {
				return nil, false
			}
			v = x
		case []any:
			i, err := strconv.Atoi(segment)
			if err != nil || i < 0 || i >= len(in) {
				return nil, false
			}
			v = in[i]
		default:
			return nil, false
		}
		names = !names && isNamed[segment]
	}
	return v, true
}

func shorten(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "")
}

// writable tells that a text of the document can be written into a manifest.
func writable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// clean gives a text of the document as one printable line of at most 120 characters, for comments and reports.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "?")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) }), " ")
	if r := []rune(s); len(r) > 120 {
		s = string(r[:117]) + "..."
	}
	return s
}
