package controllers

import (
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/optup/optup/api/v1alpha1"
)

// rule is one validation rule of a CRD (x-kubernetes-validations). Objects are changes of a sound one: JSON merge patches (RFC 7396)
// written as YAML.
type rule struct {
	sentence string
	// message is a part of what the API server answers where the rule is broken; no other rule of the kind has it.
	message string
	// was is the object that exists before, for rules about changes.
	was               string
	accepted, refused string
}

// ruled holds the messages of the rules that have a spec, by kind.
var ruled = map[string][]string{}

// validation makes the specs of a kind: each rule accepts one object and refuses another.
func validation(kind, sound string, rules []rule) bool {
	for _, r := range rules {
		ruled[kind] = append(ruled[kind], r.message)
	}
	return Describe("Validation of a "+kind, func() {
		It("accepts a sound one", func() { Expect(submit(kind, patched(sound, ""), "")).To(Succeed()) })
		for _, r := range rules {
			It(r.sentence, func() {
				if r.was != "" {
					create(object(kind, patched(sound, r.was)))
				}
				Expect(submit(kind, patched(sound, r.accepted), r.was)).To(Succeed())
				err := submit(kind, patched(sound, r.refused), r.was)
				Expect(apierrors.IsInvalid(err)).To(BeTrue(), "want a refusal, got: %v", err)
				Expect(err).To(MatchError(ContainSubstring(r.message)))
			})
		}
	})
}

// submit has the API server judge an object and forget it. It changes the object that exists where there was one before.
func submit(kind string, spec map[string]any, was string) error {
	GinkgoHelper()
	o := object(kind, spec)
	if was == "" {
		return k8s.Create(ctx, o, client.DryRunAll)
	}
	had := object(kind, patched("{}", ""))
	had.SetName(o.GetName())
	fresh(had)
	o.SetResourceVersion(had.GetResourceVersion())
	return k8s.Update(ctx, o, client.DryRunAll)
}

func object(kind string, content map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: content}
	o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	if kind != v1alpha1.KindDataPurpose && kind != v1alpha1.KindConsentNotice && kind != v1alpha1.KindEnforcementExemption {
		o.SetNamespace(marketing)
	}
	return o
}

// patched applies a merge patch.
func patched(text, patch string) map[string]any {
	GinkgoHelper()
	var o, p map[string]any
	Expect(yaml.Unmarshal([]byte(text), &o)).To(Succeed())
	Expect(yaml.Unmarshal([]byte(patch), &p)).To(Succeed())
	merge(o, p)
	return o
}

func merge(into, patch map[string]any) {
	for k, v := range patch {
		inner, both := into[k].(map[string]any)
		if p, ok := v.(map[string]any); ok && both {
			merge(inner, p)
		} else if v == nil {
			delete(into, k)
		} else {
			into[k] = v
		}
	}
}

var _ = Describe("Validation rules of the CRDs", func() {
	It("have a spec each", func() {
		files, err := filepath.Glob(filepath.Join("..", "config", "crd", "bases", "*.yaml"))
		Expect(err).NotTo(HaveOccurred())
		Expect(files).To(HaveLen(8))
		for _, file := range files {
			text, err := os.ReadFile(file)
			Expect(err).NotTo(HaveOccurred())
			var crd map[string]any
			Expect(yaml.Unmarshal(text, &crd)).To(Succeed())
			kind, _, err := unstructured.NestedString(crd, "spec", "names", "kind")
			Expect(err).NotTo(HaveOccurred())
			messages := map[string]bool{}
			collect(crd, messages)
			Expect(messages).NotTo(BeEmpty())
			for message := range messages {
				Expect(matching(message, ruled[kind])).To(Equal(1), "specs for the rule of %s that says: %s", kind, message)
			}
			Expect(ruled[kind]).To(HaveLen(len(messages)), "every spec of %s is about a rule", kind)
		}
	})
})

func matching(message string, parts []string) int {
	n := 0
	for _, part := range parts {
		if strings.Contains(message, part) {
			n++
		}
	}
	return n
}

// collect finds the messages of all validation rules in a schema.
func collect(node any, into map[string]bool) {
	switch n := node.(type) {
	case map[string]any:
		if rules, ok := n["x-kubernetes-validations"].([]any); ok {
			for _, r := range rules {
				if r, ok := r.(map[string]any); ok {
					into[r["message"].(string)] = true
				}
			}
		}
		for _, child := range n {
			collect(child, into)
		}
	case []any:
		for _, child := range n {
			collect(child, into)
		}
	}
}
