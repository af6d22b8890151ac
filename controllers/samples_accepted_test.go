package controllers

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
)

var _ = Describe("Manifests of the repository", func() {
	for _, root := range []string{"config/samples", "config/catalogue", "test/corpus", "test/demo/manifests"} {
		It("are valid: "+root, func() {
			objects := manifests(filepath.Join("..", root))
			if root != "config/samples" {
				Expect(objects).NotTo(BeEmpty())
			}
			for file, o := range objects {
				if o.GetNamespace() != "" {
					o.SetNamespace(marketing)
				}
				Expect(k8s.Create(ctx, o, client.DryRunAll, client.FieldValidation("Strict"))).To(Succeed(), file)
			}
		})
	}
})

// manifests gives the objects of this API below a folder, by file and name.
func manifests(root string) map[string]*unstructured.Unstructured {
	GinkgoHelper()
	out := map[string]*unstructured.Unstructured{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() || filepath.Ext(file) != ".yaml" || strings.Contains(file, ".golden.") {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
			o := &unstructured.Unstructured{}
			if err := decoder.Decode(o); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return nil //nolint:nilerr // a file of another kind, such as the decisions of a case
			}
			if o.GroupVersionKind().Group == v1alpha1.GroupVersion.Group {
				out[file+" "+o.GetKind()+" "+o.GetName()] = o
			}
		}
	})
	Expect(err).NotTo(HaveOccurred())
	return out
}
