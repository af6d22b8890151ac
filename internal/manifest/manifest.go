package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/translate"
)

// ReadFiles reads files in their order. A file may hold several documents.
func ReadFiles(fsys fs.FS, names ...string) (translate.Objects, error) {
	var o translate.Objects
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return o, err
		}
		if err := Read(&o, bytes.NewReader(data)); err != nil {
			return o, fmt.Errorf("%s: %w", name, err)
		}
	}
	return o, nil
}

// ReadFolder reads every .yaml and .yml file below a folder, in the order of their names.
func ReadFolder(fsys fs.FS, root string) (translate.Objects, error) {
	var names []string
	err := fs.WalkDir(fsys, root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && (strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".yml")) {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		return translate.Objects{}, err
	}
	slices.Sort(names)
	return ReadFiles(fsys, names...)
}

// Read adds the documents of one stream. An object that was read before, by kind, namespace and name, is replaced.
func Read(o *translate.Objects, in io.Reader) error {
	docs := utilyaml.NewYAMLReader(bufio.NewReader(in))
	for n := 1; ; n++ {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
		if err := add(o, doc); err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
	}
}

func add(o *translate.Objects, doc []byte) error {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(doc, &kind); err != nil {
		return err
	}
	if kind == (metav1.TypeMeta{}) {
		if len(bytes.TrimSpace(doc)) == 0 || onlyComments(doc) {
			return nil
		}
		return errors.New("the document has no apiVersion and kind")
	}
	switch kind.APIVersion + "/" + kind.Kind {
	case "v1/Namespace":
		return put(doc, &o.Namespaces, func(n *corev1.Namespace) *metav1.ObjectMeta { return &n.ObjectMeta }, yaml.Unmarshal)
	case v1alpha1.GroupVersion.String() + "/DataPurpose":
		return put(doc, &o.Purposes, func(x *v1alpha1.DataPurpose) *metav1.ObjectMeta { return &x.ObjectMeta }, yaml.UnmarshalStrict)
	case v1alpha1.GroupVersion.String() + "/ConsentNotice":
		return put(doc, &o.Notices, func(x *v1alpha1.ConsentNotice) *metav1.ObjectMeta { return &x.ObjectMeta }, yaml.UnmarshalStrict)
	case v1alpha1.GroupVersion.String() + "/DataService":
		return put(doc, &o.Services, func(x *v1alpha1.DataService) *metav1.ObjectMeta { return &x.ObjectMeta }, yaml.UnmarshalStrict)
	case v1alpha1.GroupVersion.String() + "/ConsentPolicy":
		return put(doc, &o.Policies, func(x *v1alpha1.ConsentPolicy) *metav1.ObjectMeta { return &x.ObjectMeta }, yaml.UnmarshalStrict)
	case v1alpha1.GroupVersion.String() + "/Touchpoint":
		return put(doc, &o.Touchpoints, func(x *v1alpha1.Touchpoint) *metav1.ObjectMeta { return &x.ObjectMeta }, yaml.UnmarshalStrict)
	case v1alpha1.GroupVersion.String() + "/EnforcementExemption":
		return put(doc, &o.Exemptions, func(x *v1alpha1.EnforcementExemption) *metav1.ObjectMeta { return &x.ObjectMeta }, yaml.UnmarshalStrict)
	case v1alpha1.GroupVersion.String() + "/ConsentLedger":
		return put(doc, &o.Ledgers, func(x *v1alpha1.ConsentLedger) *metav1.ObjectMeta { return &x.ObjectMeta }, yaml.UnmarshalStrict)
	case v1alpha1.GroupVersion.String() + "/SidecarConfig":
		return nil // what the operator compiled is no input
	default:
		if strings.HasPrefix(kind.APIVersion, v1alpha1.GroupVersion.Group+"/") {
			return fmt.Errorf("kind %s of %s is not known to this version", kind.Kind, kind.APIVersion)
		}
		return addWorkload(o, kind.Kind, doc)
	}
}

func onlyComments(doc []byte) bool {
	for line := range bytes.Lines(doc) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' && !bytes.Equal(line, []byte("---")) {
			return false
		}
	}
	return true
}

type decoder func([]byte, any, ...yaml.JSONOpt) error

func put[T any](doc []byte, list *[]T, meta func(*T) *metav1.ObjectMeta, decode decoder) error {
	var x T
	if err := decode(doc, &x); err != nil {
		return err
	}
	m := meta(&x)
	for i := range *list {
		if had := meta(&(*list)[i]); had.Namespace == m.Namespace && had.Name == m.Name {
			(*list)[i] = x
			return nil
		}
	}
	*list = append(*list, x)
	return nil
}

// addWorkload takes whatever has a pod template; everything else is not ours to read.
func addWorkload(o *translate.Objects, kind string, doc []byte) error {
	type template struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
	}
	var w struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
		Spec     struct {
			Template    *template `json:"template"`
			JobTemplate *struct {
				Spec struct {
					Template *template `json:"template"`
				} `json:"spec"`
			} `json:"jobTemplate"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(doc, &w); err != nil {
		return err
	}
	t := w.Spec.Template
	if w.Spec.JobTemplate != nil {
		t = w.Spec.JobTemplate.Spec.Template
	}
	switch {
	case t != nil:
	case kind == "Pod":
		t = &template{Metadata: w.Metadata}
	default:
		return nil
	}
	o.Workloads = append(o.Workloads, policy.Workload{Namespace: w.Metadata.Namespace, Kind: kind, Name: w.Metadata.Name, Labels: t.Metadata.Labels})
	return nil
}
