package inject

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// mesh is something else that takes a pod's connections.
type mesh struct {
	name string
	// containers that it injects.
	containers []string
	// asked tells by labels and annotations that it will take the pod, and which of them say so.
	asked func(pod *corev1.Pod, ns Namespace) string
	// out is how it is kept out.
	out string
}

var meshes = []mesh{
	{
		"Istio",
		[]string{"istio-proxy", "istio-init", "istio-validation"},
		func(pod *corev1.Pod, ns Namespace) string {
			const inject, rev, ambient = "sidecar.istio.io/inject", "istio.io/rev", "istio.io/dataplane-mode"
			asked := func(at map[string]string) string { return at[inject] }
			switch own := asked(pod.Labels); {
			case (pod.Labels[ambient] == "ambient" || ns.Labels[ambient] == "ambient") && pod.Labels[ambient] != "none":
				return ambient
			case own == "false" || (own == "" && asked(pod.Annotations) == "false"):
				return ""
			case own == "true" || asked(pod.Annotations) == "true":
				return inject
			case pod.Labels[rev] != "" || ns.Labels[rev] != "":
				return rev
			case ns.Labels["istio-injection"] == "enabled":
				return "istio-injection"
			}
			return ""
		},
		`label the pod with sidecar.istio.io/inject: "false" (and istio.io/dataplane-mode: none)`,
	},
	{
		"Linkerd",
		[]string{"linkerd-proxy", "linkerd-init", "linkerd-network-validator"},
		func(pod *corev1.Pod, ns Namespace) string {
			const inject = "linkerd.io/inject"
			value, there := pod.Annotations[inject]
			if !there {
				value = ns.Annotations[inject]
			}
			if value == "enabled" || value == "ingress" {
				return inject
			}
			return ""
		},
		"annotate the pod with linkerd.io/inject: disabled",
	},
}

// refuseMeshes: two that redirect a pod's connections undo each other, and which of them comes first is chance.
func refuseMeshes(pod *corev1.Pod, ns Namespace, refuse func(string, ...any)) {
	for _, m := range meshes {
		by := m.asked(pod, ns)
		for _, p := range foreign(&pod.Spec) {
			if slices.Contains(m.containers, p.name) {
				by = p.sort + " " + p.name
			}
		}
		if by != "" {
			refuse("the pod is also one of %s (by %s), and two sidecars would take each other's connections; %s, "+
				"or leave the pod to %s in a namespace that OptUp does not govern, and have its proxy ask at OptUp's decision doors", m.name, by, m.out, m.name)
		}
	}
}
