package manifest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// checker holds values against a Go type: unknown members, and values of another type.
type checker struct {
	report func(path *field.Path, message string)
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// check reports what is wrong with a value and gives it without what would not fit. It does not change what it is given.
func (c *checker) check(v any, t reflect.Type, path *field.Path) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case v == nil:
		return nil
	case reflect.PointerTo(t).Implements(unmarshaler):
		return c.own(v, t, path)
	}
	switch t.Kind() {
	case reflect.Struct:
		return c.object(v, t, path)
	case reflect.Map:
		m, ok := v.(map[string]any)
		if !ok {
			return c.wrong(v, "an object", path)
		}
		out := make(map[string]any, len(m))
		for _, k := range slices.Sorted(maps.Keys(m)) {
			out[k] = c.check(m[k], t.Elem(), path.Key(shown(k)))
			if out[k] == nil {
				delete(out, k)
			}
		}
		return out
	case reflect.Slice:
		return c.list(v, t, path)
	case reflect.Interface:
		return v
	default:
		return c.plain(v, t, path)
	}
}

func (c *checker) object(v any, t reflect.Type, path *field.Path) any {
	m, ok := v.(map[string]any)
	if !ok {
		return c.wrong(v, "an object", path)
	}
	known := fieldsOf(t)
	out := make(map[string]any, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		f, ok := known[k]
		if !ok {
			c.report(member(path, k), "unknown field"+c.suggestion(k, known))
			continue
		}
		if x := c.check(m[k], f, path.Child(k)); x != nil {
			out[k] = x
		}
	}
	return out
}

// maxListed is how many names a message lists where none is near.
const maxListed = 10

func (c *checker) suggestion(name string, known map[string]reflect.Type) string {
	names := slices.Sorted(maps.Keys(known))
	if h := hint(name, names); h != "" || len(names) == 0 || len(names) > maxListed {
		return h
	}
	return "; known are " + strings.Join(names, ", ")
}

func (c *checker) list(v any, t reflect.Type, path *field.Path) any {
	if t.Elem().Kind() == reflect.Uint8 {
		s, ok := v.(string)
		if !ok {
			return c.wrong(v, "text", path)
		}
		if _, err := base64.StdEncoding.DecodeString(s); err != nil {
			c.report(path, "must be base64")
			return nil
		}
		return s
	}
	l, ok := v.([]any)
	if !ok {
		return c.wrong(v, "a list", path)
	}
	out := make([]any, len(l))
	for i := range l {
		out[i] = c.check(l[i], t.Elem(), path.Index(i))
	}
	return out
}

func (c *checker) plain(v any, t reflect.Type, path *field.Path) any {
	switch t.Kind() {
	case reflect.String:
		if _, ok := v.(string); !ok {
			return c.wrong(v, "text", path)
		}
	case reflect.Bool:
		if _, ok := v.(bool); !ok {
			return c.wrong(v, "true or false", path)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, ok := v.(int64)
		if !ok {
			return c.wrong(v, "a whole number", path)
		}
		if t.OverflowInt(i) {
			c.report(path, fmt.Sprintf("%d is too far from 0", i))
			return nil
		}
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		i, ok := v.(int64)
		if !ok || i < 0 || t.OverflowUint(uint64(i)) {
			return c.wrong(v, "a whole number of 0 or more", path)
		}
	case reflect.Float32, reflect.Float64:
		switch v.(type) {
		case int64, float64:
		default:
			return c.wrong(v, "a number", path)
		}
	default: // no field of a kind is anything else
	}
	return v
}

// examples says what types that read JSON themselves want.
var examples = map[string]string{
	"Quantity": "a quantity, for example 10Gi", "Duration": "a duration, for example 30s", "Time": "a time, for example 2026-04-01T12:00:00Z",
	"MicroTime": "a time, for example 2026-04-01T12:00:00.000000Z",
}

// own lets a type that reads JSON itself judge.
func (c *checker) own(v any, t reflect.Type, path *field.Path) any {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, reflect.New(t).Interface())
	}
	if want := examples[t.Name()]; err != nil && want != "" {
		return c.wrong(v, want, path)
	}
	if err != nil {
		c.report(path, shown(err.Error()))
		return nil
	}
	return v
}

func (c *checker) wrong(v any, want string, path *field.Path) any {
	message := "must be " + want + ", and is " + kindOf(v)
	if want == "text" {
		switch v.(type) {
		case bool, int64, float64:
			message += "; put it in quotes"
		}
	}
	c.report(path, message)
	return nil
}

func kindOf(v any) string {
	switch v := v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "text"
	case bool:
		return fmt.Sprintf("the boolean %t", v)
	case float64:
		if math.Abs(v) >= 1<<53 {
			return "a number that is too large"
		}
		return "a number with a fraction"
	default:
		return "a number"
	}
}

var fieldCache sync.Map

// fieldsOf gives the types of the members of a struct by their JSON names.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if known, ok := fieldCache.Load(t); ok {
		return known.(map[string]reflect.Type)
	}
	out := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case name == "" && f.Anonymous:
			maps.Copy(out, fieldsOf(f.Type))
		case name == "":
			out[f.Name] = f.Type
		default:
			out[name] = f.Type
		}
	}
	fieldCache.Store(t, out)
	return out
}
