package schema

import (
	"context"
	"fmt"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	schemavalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// Error is one thing that the API server would refuse.
type Error struct {
	// Field is its path, for example "spec.rules[0].purpose"; empty for the object as a whole.
	Field string
	// Message is what the API server says of the field, for example "Required value".
	Message string
}

// validate takes the steps of the API server in their order: what clients may not set, unknown members and nulls away, defaults,
// then the checks.
func (k *kind) validate(ctx context.Context, content map[string]any, namespace string) []Error {
	o := runtime.DeepCopyJSON(content)
	if k.status {
		delete(o, "status")
	}
	pruning.Prune(o, k.schema, true)
	defaulting.PruneNonNullableNullsWithoutDefaults(o, k.schema)
	defaulting.Default(o, k.schema)
	errs := k.typeMeta(o)
	if len(errs) == 0 {
		errs = k.objectMeta(o, namespace)
		errs = append(errs, schemavalidation.ValidateCustomResource(nil, o, k.values)...)
		errs = append(errs, objectmeta.Validate(ctx, nil, o, k.schema, false)...)
		errs = append(errs, listtype.ValidateListSetsAndMaps(nil, k.schema, o)...)
		if rules := k.rules(); rules != nil && !blocking(errs) {
			broken, _ := rules.Validate(ctx, nil, k.schema, o, nil, celconfig.RuntimeCELCostBudget)
			errs = append(errs, broken...)
		}
	}
	var out []Error
	for _, e := range errs {
		one := Error{Field: e.Field, Message: e.ErrorBody()}
		if e.Field == "<nil>" { // how the library writes no path
			one.Field = ""
		}
		out = append(out, one)
	}
	return out
}

// blocking tells whether there are errors that keep the API server from running rules.
func blocking(errs field.ErrorList) bool {
	for _, e := range errs {
		switch e.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return true
		default:
		}
	}
	return false
}

func (k *kind) typeMeta(o map[string]any) field.ErrorList {
	var errs field.ErrorList
	for name, want := range map[string]string{"apiVersion": k.gvk.GroupVersion().String(), "kind": k.gvk.Kind} {
		if o[name] == nil {
			o[name] = want // an item of a list may leave it out
		} else if o[name] != want {
			errs = append(errs, field.Invalid(field.NewPath(name), o[name], "must be "+want))
		}
	}
	return errs
}

// objectMeta checks the metadata, after it was completed as on the way to the API server and in it.
func (k *kind) objectMeta(o map[string]any, namespace string) field.ErrorList {
	path := field.NewPath("metadata")
	var m metav1.ObjectMeta
	switch raw := o["metadata"].(type) {
	case nil:
		o["metadata"] = map[string]any{}
	case map[string]any:
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &m); err != nil {
			return field.ErrorList{field.TypeInvalid(path, "object", err.Error())}
		}
	default:
		return field.ErrorList{field.TypeInvalid(path, raw, fmt.Sprintf("expected an object, got %T", raw))}
	}
	meta, _ := o["metadata"].(map[string]any)
	switch {
	case !k.namespaced:
		m.Namespace = ""
		delete(meta, "namespace")
	case m.Namespace == "":
		m.Namespace = namespace
		meta["namespace"] = namespace
	}
	if m.Name == "" && m.GenerateName != "" {
		m.Name = m.GenerateName + "00000"
		meta["name"] = m.Name
	}
	return validation.ValidateObjectMeta(&m, k.namespaced, validation.NameIsDNSSubdomain, path)
}
