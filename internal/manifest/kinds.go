package manifest

import (
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/translate"
)

// scope says whether objects of a kind stand in a namespace.
type scope bool

const (
	cluster    scope = true
	namespaced scope = false
)

// kind is what the reader knows about one kind.
type kind struct {
	apiVersion, name string
	scope            scope
	// typ is the type that documents are held against; nil for kinds whose objects are no input.
	typ reflect.Type
	// put adds an object to its list, or replaces the one at an index that it gave before; negative for none.
	put func(o *translate.Objects, content map[string]any, at int) (int, error)
}

// kinds are those that are read. A kind is one entry here, once translate.Objects has a list of it.
var kinds = []kind{
	of("v1", "Namespace", cluster, func(o *translate.Objects) *[]corev1.Namespace { return &o.Namespaces }),
	of(group, v1alpha1.KindDataPurpose, cluster, func(o *translate.Objects) *[]v1alpha1.DataPurpose { return &o.Purposes }),
	of(group, v1alpha1.KindConsentNotice, cluster, func(o *translate.Objects) *[]v1alpha1.ConsentNotice { return &o.Notices }),
	of(group, v1alpha1.KindDataService, namespaced, func(o *translate.Objects) *[]v1alpha1.DataService { return &o.Services }),
	of(group, v1alpha1.KindConsentPolicy, namespaced, func(o *translate.Objects) *[]v1alpha1.ConsentPolicy { return &o.Policies }),
	of(group, v1alpha1.KindTouchpoint, namespaced, func(o *translate.Objects) *[]v1alpha1.Touchpoint { return &o.Touchpoints }),
	of(group, v1alpha1.KindConsentLedger, namespaced, func(o *translate.Objects) *[]v1alpha1.ConsentLedger { return &o.Ledgers }),
	of(group, v1alpha1.KindEnforcementExemption, cluster, func(o *translate.Objects) *[]v1alpha1.EnforcementExemption { return &o.Exemptions }),
	output(group, v1alpha1.KindSidecarConfig, namespaced),
}

var group = v1alpha1.GroupVersion.String()

// of makes the entry of a kind that is read into a list.
func of[T any](apiVersion, name string, s scope, list func(*translate.Objects) *[]T) kind {
	put := func(o *translate.Objects, content map[string]any, at int) (int, error) {
		var x T
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &x); err != nil {
			return at, err
		}
		l := list(o)
		if at >= 0 {
			(*l)[at] = x
			return at, nil
		}
		*l = append(*l, x)
		return len(*l) - 1, nil
	}
	return kind{apiVersion: apiVersion, name: name, scope: s, typ: reflect.TypeFor[T](), put: put}
}

// output makes the entry of a kind that the operator writes. It may stand among the files, and is no input.
func output(apiVersion, name string, s scope) kind {
	return kind{apiVersion: apiVersion, name: name, scope: s}
}

// find gives the entry of a kind, or nil for one that is somebody else's.
func find(apiVersion, name string) *kind {
	for i := range kinds {
		if kinds[i].apiVersion == apiVersion && kinds[i].name == name {
			return &kinds[i]
		}
	}
	return nil
}

// mistaken tells what is wrong with the kind of an object that is not read: of a group that is ours, or seems meant to be.
func mistaken(apiVersion, name string) (field, message string) {
	theirs, version, _ := strings.Cut(apiVersion, "/")
	var names []string
	ours := false
	for _, k := range kinds {
		if k.apiVersion == group {
			names = append(names, k.name)
			ours = ours || k.name == name
		}
	}
	switch {
	case theirs == v1alpha1.GroupVersion.Group && version == v1alpha1.GroupVersion.Version:
		return "kind", "kind " + shown(name) + " of " + apiVersion + " is not known to this version" + hint(name, names)
	case theirs == v1alpha1.GroupVersion.Group:
		return "apiVersion", "version " + shown(version) + " of " + theirs + " is not known; did you mean " + group + "?"
	case ours && hint(theirs, []string{v1alpha1.GroupVersion.Group}) != "":
		return "apiVersion", "group " + shown(theirs) + " is not known; did you mean " + group + "?"
	}
	return "", ""
}
