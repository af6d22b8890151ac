package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"
)

// MaxDocument is the largest document that is read, in bytes.
const MaxDocument = 32 << 20

// read gives a document as OpenAPI 3, with every reference within it resolved, what it is, and the references that lead nowhere.
func read(data []byte) (doc *openapi3.T, source Source, broken []string, err error) {
	if len(data) > MaxDocument {
		return nil, source, nil, fmt.Errorf("the document is larger than %d MiB", MaxDocument>>20)
	}
	raw, err := decode(data)
	if err != nil {
		return nil, source, nil, err
	}
	version := text(raw["openapi"])
	swagger := text(raw["swagger"])
	switch {
	case strings.HasPrefix(version, "3."):
		source.Format = "OpenAPI " + version
	case swagger == "2.0" || swagger == "2":
		source.Format = "Swagger 2.0"
		version, swagger = "", "2.0"
	case version == "" && swagger == "":
		return nil, source, nil, errors.New("this is no description of an API: it has neither \"openapi\" nor \"swagger\" at its top")
	default:
		return nil, source, nil, fmt.Errorf("version %q is not known: OpenAPI 3.0 and 3.1, and Swagger 2.0 are", clean(version+swagger))
	}
	tidied, broken, err := tidy(raw)
	if err != nil {
		return nil, source, nil, err
	}
	delete(tidied, "openapi")
	delete(tidied, "swagger")
	if version != "" {
		tidied["openapi"] = version
	} else {
		tidied["swagger"] = swagger
	}
	doc, err = load(tidied, version == "")
	if err != nil {
		return nil, source, nil, err
	}
	if doc.Info != nil {
		source.Title, source.Version = clean(doc.Info.Title), clean(doc.Info.Version)
	}
	return doc, source, broken, nil
}

// decode reads JSON or YAML to maps, lists and plain values.
func decode(data []byte) (map[string]any, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	trimmed := bytes.TrimSpace(data)
	if len(trimmed) == 0 {
		return nil, errors.New("the document is empty")
	}
	var top any
	if trimmed[0] == '{' && json.Unmarshal(trimmed, &top) == nil {
		return top.(map[string]any), nil
	}
	top = nil
	if err := unmarshalYAML(data, &top); err != nil {
		return nil, fmt.Errorf("the document is neither JSON nor YAML: %s", clean(err.Error()))
	}
	m, ok := plain(top).(map[string]any)
	if !ok {
		return nil, errors.New("the document is no description of an API: it holds no object")
	}
	return m, nil
}

func unmarshalYAML(data []byte, into any) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the YAML cannot be understood")
		}
	}()
	return yaml.Unmarshal(data, into)
}

// plain makes what YAML gives like what JSON gives: every name a string.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = plain(x)
		}
		return v
	case map[any]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[fmt.Sprint(k)] = plain(x)
		}
		return out
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
		return v
	case nil, string, bool, float64, int, int64, uint64:
		return v
	default:
		return fmt.Sprint(v) // a date, for one
	}
}

// load hands what was tidied to the library. What it makes of strange documents is its own affair, so a panic there is an error here.
func load(tidied map[string]any, swagger bool) (doc *openapi3.T, err error) {
	defer func() {
		if recover() != nil {
			doc, err = nil, errors.New("the document cannot be understood: its structure is not that of an API description")
		}
	}()
	data, err := json.Marshal(tidied)
	if err != nil {
		return nil, fmt.Errorf("the document cannot be understood: %s", clean(err.Error()))
	}
	if swagger {
		var two openapi2.T
		if err := json.Unmarshal(data, &two); err != nil {
			return nil, fmt.Errorf("the Swagger document cannot be understood: %s", clean(err.Error()))
		}
		if doc, err = openapi2conv.ToV3(&two); err != nil {
			return nil, fmt.Errorf("the Swagger document cannot be understood: %s", clean(err.Error()))
		}
		return doc, nil
	}
	doc = &openapi3.T{}
	if err := json.Unmarshal(data, doc); err != nil {
		return nil, fmt.Errorf("the OpenAPI document cannot be understood: %s", clean(err.Error()))
	}
	if err := openapi3.NewLoader().ResolveRefsIn(doc, nil); err != nil {
		return nil, fmt.Errorf("the OpenAPI document cannot be understood: %s", clean(err.Error()))
	}
	return doc, nil
}

// text gives a value that should be a string: versions are often written as numbers in YAML.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case nil:
		return ""
	default:
		return fmt.Sprint(v)
	}
}
