package schema

import (
	"context"
	"fmt"
	"io/fs"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/optup/optup/config/crd"
)

// Set holds definitions. Each is read, and its rules are compiled, once, when an object of its kind first needs them. It may be used
// by several goroutines.
type Set struct {
	files fs.FS
	kinds sync.Map // schema.GroupVersionKind -> func() (*kind, error)
}

// Builtin holds the definitions of this version.
func Builtin() *Set {
	bases, err := fs.Sub(crd.Bases, "bases")
	if err != nil {
		panic(err) // the name is no path
	}
	return New(bases)
}

// New takes definitions from files that are named as controller-gen names them: <group>_<plural>.yaml.
func New(files fs.FS) *Set { return &Set{files: files} }

// kind is what judges the objects of one kind.
type kind struct {
	gvk        schema.GroupVersionKind
	namespaced bool
	// status tells that the status has an endpoint of its own, and is taken from no new object.
	status bool
	schema *structural.Structural
	values validation.SchemaValidator
	// rules compiles the rules in CEL, which takes long, once.
	rules func() *cel.Validator
}

// Validate judges an object as if it were created: every error has the field and the API server's message. Rules in CEL are only
// checked on objects that have the right structure. The content is that of a JSON object, with int64 for whole numbers; it is not
// changed. Namespace is where the object would be created if it names none. A failure means that the definition is not there or
// cannot be used.
func (s *Set) Validate(ctx context.Context, gvk schema.GroupVersionKind, content map[string]any, namespace string) ([]Error, error) {
	k, err := s.kind(gvk)
	if err != nil {
		return nil, err
	}
	return k.validate(ctx, content, namespace), nil
}

// Prepare reads the definition of a kind and compiles its rules, so that Validate does not have to.
func (s *Set) Prepare(gvk schema.GroupVersionKind) error {
	k, err := s.kind(gvk)
	if err == nil {
		k.rules()
	}
	return err
}

func (s *Set) kind(gvk schema.GroupVersionKind) (*kind, error) {
	load, ok := s.kinds.Load(gvk)
	if !ok {
		load, _ = s.kinds.LoadOrStore(gvk, sync.OnceValues(func() (*kind, error) { return s.load(gvk) }))
	}
	return load.(func() (*kind, error))()
}

func (s *Set) load(gvk schema.GroupVersionKind) (*kind, error) {
	plural, _ := meta.UnsafeGuessKindToResource(gvk)
	name := gvk.Group + "_" + plural.Resource + ".yaml"
	text, err := fs.ReadFile(s.files, name)
	if err != nil {
		return nil, fmt.Errorf("there is no definition of %s: %w", gvk, err)
	}
	var d apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &d); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if d.Spec.Group != gvk.Group || d.Spec.Names.Kind != gvk.Kind {
		return nil, fmt.Errorf("%s defines %s of %s, not %s", name, d.Spec.Names.Kind, d.Spec.Group, gvk)
	}
	for i := range d.Spec.Versions {
		if d.Spec.Versions[i].Name == gvk.Version {
			return newKind(gvk, &d, &d.Spec.Versions[i])
		}
	}
	return nil, fmt.Errorf("%s defines no version %s", name, gvk.Version)
}

func newKind(gvk schema.GroupVersionKind, d *apiextensionsv1.CustomResourceDefinition, v *apiextensionsv1.CustomResourceDefinitionVersion) (*kind, error) {
	if v.Schema == nil || v.Schema.OpenAPIV3Schema == nil {
		return nil, fmt.Errorf("the definition of %s has no schema", gvk)
	}
	var props apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v.Schema.OpenAPIV3Schema, &props, nil); err != nil {
		return nil, fmt.Errorf("the definition of %s: %w", gvk, err)
	}
	s, err := structural.NewStructural(&props)
	if err != nil {
		return nil, fmt.Errorf("the definition of %s: %w", gvk, err)
	}
	values, _, err := validation.NewSchemaValidator(&props)
	if err != nil {
		return nil, fmt.Errorf("the definition of %s: %w", gvk, err)
	}
	return &kind{
		gvk: gvk, namespaced: d.Spec.Scope == apiextensionsv1.NamespaceScoped,
		status: v.Subresources != nil && v.Subresources.Status != nil, schema: s, values: values,
		rules: sync.OnceValue(func() *cel.Validator { return cel.NewValidator(s, true, celconfig.PerCallLimit) }),
	}, nil
}
