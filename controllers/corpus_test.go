package controllers

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/distribute/server"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/scenario"
	"github.com/optup/optup/internal/workload"
)

// The API server takes every object of the corpus, and the manager says of each, and publishes, what the golden files of the case say.
// Cases with the same objects are applied once.
var _ = Describe("The corpus", func() {
	root := filepath.Join("..", "test", "corpus")
	all, err := scenario.Load(os.DirFS(root), nil)
	sets := map[string][]scenario.Case{}
	var keys []string
	for _, c := range all {
		key, failed := json.Marshal(c.Objects)
		if failed != nil {
			err = failed
		}
		if sets[string(key)] == nil {
			keys = append(keys, string(key))
		}
		sets[string(key)] = append(sets[string(key)], c)
	}
	It("is there", func() {
		Expect(err).NotTo(HaveOccurred())
		Expect(len(all)).To(BeNumerically(">=", 80))
	})
	for _, key := range keys {
		cases := sets[key]
		It(fmt.Sprintf("is accepted and reported as written: %s, and %d more with its objects", cases[0].Name, len(cases)-1), func() {
			apply(cases[0])
			bundles := &Bundles{Client: k8s, Sessions: server.NewSessions(time.Now, nil)}
			_, err := bundles.Reconcile(ctx, one)
			Expect(err).NotTo(HaveOccurred())
			reported := statusOf(cases[0])
			for _, c := range cases {
				Expect(reported).To(Equal(goldenStatus(filepath.Join(root, c.Folder, "status.golden.yaml"))), c.Name)
				Expect(published(c)).To(Equal(goldenBundle(filepath.Join(root, c.Folder, "bundle.golden.json"))), c.Name)
			}
		})
	}
})

// apply creates the objects of a case and a pod with a sidecar for each of its workloads; all of them go after the spec. Namespaces stay
// and are no longer governed.
func apply(c scenario.Case) {
	GinkgoHelper()
	labels := map[string]map[string]string{}
	for i := range c.Objects.Namespaces {
		labels[c.Objects.Namespaces[i].Name] = c.Objects.Namespaces[i].Labels
	}
	objects := objectsOf(c)
	for _, o := range objects {
		if n := o.GetNamespace(); n != "" && labels[n] == nil {
			labels[n] = map[string]string{}
		}
	}
	for name, want := range labels {
		n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if err := k8s.Create(ctx, n); !apierrors.IsAlreadyExists(err) {
			Expect(err).NotTo(HaveOccurred())
		}
		label(name, want[v1alpha1.LabelMode])
		DeferCleanup(func() {
			label(name, "")
			Expect(k8s.DeleteAllOf(ctx, &v1alpha1.SidecarConfig{}, client.InNamespace(name))).To(Succeed())
		})
	}
	create(objects...)
	for _, w := range c.Objects.Workloads {
		create(podOf(w))
	}
}

// objectsOf are copies of what a case declares, with the namespace's label left to the caller.
func objectsOf(c scenario.Case) []client.Object {
	var out []client.Object
	o := &c.Objects
	for i := range o.Ledgers {
		out = append(out, o.Ledgers[i].DeepCopy())
	}
	for i := range o.Purposes {
		out = append(out, o.Purposes[i].DeepCopy())
	}
	for i := range o.Notices {
		out = append(out, o.Notices[i].DeepCopy())
	}
	for i := range o.Services {
		out = append(out, o.Services[i].DeepCopy())
	}
	for i := range o.Policies {
		out = append(out, o.Policies[i].DeepCopy())
	}
	for i := range o.Touchpoints {
		out = append(out, o.Touchpoints[i].DeepCopy())
	}
	return out
}

// podOf is a pod of a workload with the sidecar as it is injected.
func podOf(w policy.Workload) *corev1.Pod {
	GinkgoHelper()
	yes := true
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.Namespace, Name: w.Name + "-0", Labels: w.Labels,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: w.Kind, Name: w.Name, UID: types.UID("owner-of-" + w.Name), Controller: &yes}},
		},
		Spec: corev1.PodSpec{ServiceAccountName: "default", Containers: []corev1.Container{{Name: "app", Image: "app"}}},
	}
	injected, report := inject.Inject(pod, inject.Namespace{Name: w.Namespace, Labels: map[string]string{inject.ModeLabel: inject.ModeEnforce}},
		inject.Config{Image: "optup/sidecar:1", ManagerURL: "https://optup-manager.optup-system.svc:9443"})
	Expect(report.Refusals).To(BeEmpty())
	return injected
}

// statusOf is what the manager says about the objects of a case now, in the form of the golden file. Whether sidecars are in sync is no
// matter of the objects.
func statusOf(c scenario.Case) map[string][]string {
	GinkgoHelper()
	out := map[string][]string{}
	for _, o := range objectsOf(c) {
		Expect(k8s.Get(ctx, keyOf(o), o)).To(Succeed())
		kind, conditions := "", []metav1.Condition(nil)
		switch o := o.(type) {
		case *v1alpha1.DataPurpose:
			kind, conditions = v1alpha1.KindDataPurpose, o.Status.Conditions
		case *v1alpha1.ConsentNotice:
			kind, conditions = v1alpha1.KindConsentNotice, o.Status.Conditions
		case *v1alpha1.DataService:
			kind, conditions = v1alpha1.KindDataService, o.Status.Conditions
		case *v1alpha1.ConsentPolicy:
			kind, conditions = v1alpha1.KindConsentPolicy, o.Status.Conditions
		default:
			continue // ledgers and touchpoints are reported on elsewhere
		}
		ref := policy.Ref{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}
		for _, condition := range conditions {
			if condition.Type != v1alpha1.ConditionProgrammed {
				out[ref.String()] = append(out[ref.String()], scenario.Line(condition))
			}
		}
		slices.Sort(out[ref.String()])
	}
	return out
}

func goldenStatus(file string) map[string][]string {
	GinkgoHelper()
	data, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred())
	out := map[string][]string{}
	Expect(yaml.Unmarshal(data, &out)).To(Succeed())
	for _, lines := range out {
		slices.Sort(lines)
	}
	return out
}

// published is the bundle that sidecars of the case's workload would be sent.
func published(c scenario.Case) string {
	GinkgoHelper()
	i := slices.IndexFunc(c.Objects.Workloads, func(w policy.Workload) bool { return w.ID() == c.Workload })
	Expect(i).To(BeNumerically(">=", 0), c.Name)
	w := c.Objects.Workloads[i]
	w = workload.Of(podOf(w), selectorKeys(c.Objects.Policies, c.Objects.Services)[w.Namespace])
	config := &v1alpha1.SidecarConfig{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: workload.ConfigName(w)}}
	return fresh(config).Spec.Bundle
}

func goldenBundle(file string) string {
	GinkgoHelper()
	data, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred())
	b, err := ir.Decode(data)
	Expect(err).NotTo(HaveOccurred())
	encoded, err := ir.Encode(b)
	Expect(err).NotTo(HaveOccurred())
	return string(encoded)
}
