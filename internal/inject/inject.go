package inject

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// Report says what injection found.
type Report struct {
	// Refusals are sentences; with any, the pod must not run and was left as it was.
	Refusals []string
	// Cooperative are sentences about what lets the app step around the sidecar. The pod may run, but its enforcement rests on the
	// app's cooperation.
	Cooperative []string
	// Untrusting are sentences about containers that may not accept the sidecar's certificates.
	Untrusting []string
}

// Inject gives a copy of the pod with the sidecar in it. It is idempotent: injecting the result again changes nothing.
// With refusals the copy equals the pod.
func Inject(pod *corev1.Pod, ns Namespace, c Config) (*corev1.Pod, Report) {
	out := pod.DeepCopy()
	report := Report{Refusals: refusals(pod, ns, c), Cooperative: Cooperative(&pod.Spec)}
	if !ns.Governed() || len(report.Refusals) > 0 {
		return out, report
	}
	own := ownContainers(ns, c)
	for i := range own {
		// Limits that a LimitRange or an autoscaler set stay: they are the namespace's business.
		if had := find(out.Spec.InitContainers, own[i].Name); had != nil {
			own[i].Resources = had.Resources
		}
	}
	rest := slices.DeleteFunc(out.Spec.InitContainers, func(x corev1.Container) bool { return ownContainer(x.Name) })
	out.Spec.InitContainers = append(own, rest...)
	if ns.Capture() == Alias {
		withAliases(&out.Spec, ns.Hosts)
	}
	if ns.Intercepted {
		report.Untrusting = trustAll(&out.Spec)
	}
	for _, v := range volumes(ns) {
		if !slices.ContainsFunc(out.Spec.Volumes, func(x corev1.Volume) bool { return x.Name == v.Name }) {
			out.Spec.Volumes = append(out.Spec.Volumes, v)
		}
	}
	return out, report
}

// Verify says what is wrong with a pod that is about to be created: that it must not run, or that it does not carry the sidecar
// as it would be injected. Nothing is wrong if it is empty.
func Verify(pod *corev1.Pod, ns Namespace, c Config) []string {
	if !ns.Governed() {
		return nil
	}
	want, report := Inject(pod, ns, c)
	if len(report.Refusals) > 0 {
		return report.Refusals
	}
	if !equality.Semantic.DeepEqual(want.Spec, pod.Spec) {
		return []string{fmt.Sprintf("the pod does not carry %s, first among its init containers, as they are injected; "+
			"let the injection webhook run, and let no other webhook change or move them", names(ownContainers(ns, c)))}
	}
	return nil
}

// VerifyUpdate says what is wrong with a change to a pod, ephemeral containers included. What the sidecar looks like today does
// not matter: pods injected by an earlier version live on, but nobody may change their sidecar or get around it.
func VerifyUpdate(before, after *corev1.Pod, ns Namespace, c Config) []string {
	if !ns.Governed() {
		return nil
	}
	var problems []string
	for _, name := range []string{RedirectName, CheckName, SidecarName} {
		was, is := find(before.Spec.InitContainers, name), find(after.Spec.InitContainers, name)
		if (was == nil) != (is == nil) || (was != nil && !sameButResources(*was, *is)) {
			problems = append(problems, fmt.Sprintf("init container %s must not be changed; delete the pod so that it is created anew", name))
		}
	}
	old := refusals(before, ns, c)
	for _, r := range refusals(after, ns, c) {
		if !slices.Contains(old, r) {
			problems = append(problems, r)
		}
	}
	return problems
}

// Injected tells whether a pod carries the sidecar.
func Injected(pod *corev1.Pod) bool { return find(pod.Spec.InitContainers, SidecarName) != nil }

func ownContainer(name string) bool {
	return name == SidecarName || name == RedirectName || name == CheckName
}

func names(of []corev1.Container) string {
	var out []string
	for _, c := range of {
		out = append(out, c.Name)
	}
	return strings.Join(out[:len(out)-1], ", ") + " and " + out[len(out)-1]
}

func ownVolume(name string) bool {
	return name == StateVolume || name == TokensVolume || name == TrustVolume || name == AuthoritiesVolume || name == PrivateVolume
}

func find(list []corev1.Container, name string) *corev1.Container {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}

func sameButResources(a, b corev1.Container) bool {
	a.Resources, b.Resources = corev1.ResourceRequirements{}, corev1.ResourceRequirements{}
	return equality.Semantic.DeepEqual(a, b)
}
