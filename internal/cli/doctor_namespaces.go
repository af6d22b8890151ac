package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/workload"
)

const labelCommand = "kubectl label namespace %s " + v1alpha1.LabelMode + "=" + v1alpha1.LabelModeObserve

// podSecurity is the label by which namespaces restrict their pods.
const podSecurity = "pod-security.kubernetes.io/enforce"

func (d *doctor) namespaces(ctx context.Context, e *examination) error {
	governed, err := d.governed(ctx)
	if err != nil {
		return err
	}
	if len(governed) == 0 {
		which, example := "no namespace is governed", "<name>"
		if d.Namespace != "" {
			which, example = "Namespace "+d.Namespace+" is not governed, or does not exist", d.Namespace
		}
		e.add(Warn, "", which+": nothing is injected or enforced", fmt.Sprintf(labelCommand, example))
		return nil
	}
	all, err := hooks(ctx, d.Client)
	if err != nil {
		return err
	}
	for i := range governed {
		n := &governed[i]
		object, mode := "Namespace "+n.Name, n.Labels[v1alpha1.LabelMode]
		sound := true
		find := func(status Level, message, remedy string) {
			sound = false
			e.add(status, object, message, remedy)
		}
		if mode != v1alpha1.LabelModeObserve && mode != v1alpha1.LabelModeEnforce {
			find(Warn, fmt.Sprintf("the label %s says %q, which is neither %s nor %s and counts as %s", v1alpha1.LabelMode, mode, v1alpha1.LabelModeObserve, v1alpha1.LabelModeEnforce, v1alpha1.LabelModeEnforce),
				fmt.Sprintf("kubectl label --overwrite namespace %s %s=%s", n.Name, v1alpha1.LabelMode, v1alpha1.LabelModeEnforce))
		}
		if slices.ContainsFunc(all, func(h hook) bool { return !h.reaches(n) }) {
			find(Fail, "it carries the label, but the webhooks leave it out: none of its pods gets a sidecar",
				"move the workloads to another namespace, or take it out of webhook.excludedNamespaces of the chart")
		}
		capture := inject.Namespace{Labels: n.Labels}.Capture()
		if level := n.Labels[podSecurity]; level != "" && level != "privileged" && capture == inject.Redirect {
			find(Fail, fmt.Sprintf("its Pod Security level %s refuses the init container that redirects connections (NET_ADMIN): governed pods cannot start", level),
				fmt.Sprintf("kubectl label --overwrite namespace %s %s=%s, or %s=privileged", n.Name, inject.CaptureLabel, inject.CaptureAuto, podSecurity))
		}
		if sound {
			e.ok(object, "it is governed, mode %s, captured by %s", mode, capture)
		}
	}
	return nil
}

// trust looks for the authorities where sidecars and ledgers mount them.
func (d *doctor) trust(ctx context.Context, e *examination) error {
	governed, err := d.governed(ctx)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, n := range governed {
		wanted[n.Name] = true
	}
	var ledgers v1alpha1.ConsentLedgerList
	if err := d.List(ctx, &ledgers, d.within()...); err != nil && !missing(err) {
		return err
	}
	for _, l := range ledgers.Items {
		wanted[l.Namespace] = true
	}
	for _, namespace := range slices.Sorted(maps.Keys(wanted)) {
		object := "ConfigMap " + named(namespace, inject.TrustConfigMap)
		remedy := "the manager writes it; its log says what is in the way: kubectl -n " + d.OperatorNamespace + " logs deployment/" + managerName
		var m corev1.ConfigMap
		err := d.Get(ctx, types.NamespacedName{Namespace: namespace, Name: inject.TrustConfigMap}, &m)
		switch {
		case apierrors.IsNotFound(err):
			e.add(Fail, object, "it does not exist: pods with a sidecar wait for it and do not start", remedy)
		case err != nil:
			return err
		default:
			if problem := badAuthority([]byte(m.Data[inject.TrustKey]), d.Now); problem != "" {
				e.add(Fail, object, "its "+inject.TrustKey+" "+problem+": no sidecar can reach the manager", remedy)
			}
		}
	}
	if e.quiet() && len(wanted) > 0 {
		e.ok("", "the authorities are in all %d namespaces that need them", len(wanted))
	}
	return nil
}

// pods looks for what runs beside governance: nothing that they do is checked.
func (d *doctor) pods(ctx context.Context, e *examination) error {
	governed, err := d.governed(ctx)
	if err != nil {
		return err
	}
	guarded := 0
	for i := range governed {
		n := &governed[i]
		var all corev1.PodList
		if err := d.List(ctx, &all, client.InNamespace(n.Name)); err != nil {
			return err
		}
		bare := map[workload.Owner][]string{}
		for j := range all.Items {
			p := &all.Items[j]
			switch {
			case finished(p) || p.DeletionTimestamp != nil:
			case inject.Injected(p):
				guarded++
			default:
				o := workload.OfPod(p)
				bare[o] = append(bare[o], p.Name)
			}
		}
		owners := slices.SortedFunc(maps.Keys(bare), func(a, b workload.Owner) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
		})
		for _, o := range owners {
			status, effect := Fail, "nothing that it sends is checked"
			if n.Labels[v1alpha1.LabelMode] == v1alpha1.LabelModeObserve {
				status, effect = Warn, "nothing that it sends is seen"
			}
			slices.Sort(bare[o])
			e.add(status, o.Kind+" "+named(n.Name, o.Name),
				fmt.Sprintf("%s without a sidecar, created before the namespace was governed or while the webhooks were away: %s", some("pod", bare[o]), effect), renew(n.Name, o))
		}
	}
	if e.quiet() && guarded > 0 {
		e.ok("", "all %d running pods of governed namespaces carry a sidecar", guarded)
	}
	return nil
}

// some counts things and names the first few.
func some(what string, names []string) string {
	const shown = 3
	if len(names) == 1 {
		return what + " " + names[0]
	}
	list := strings.Join(names[:min(len(names), shown)], ", ")
	if len(names) > shown {
		list += ", ..."
	}
	return fmt.Sprintf("%d %ss (%s)", len(names), what, list)
}

// renew says how to have the pods of a workload created anew.
func renew(namespace string, o workload.Owner) string {
	switch o.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
		return fmt.Sprintf("kubectl -n %s rollout restart %s/%s", namespace, strings.ToLower(o.Kind), o.Name)
	case "Pod":
		return fmt.Sprintf("delete Pod %s and create it again: nothing else does", o.Name)
	case "Job", "CronJob":
		return fmt.Sprintf("let the run of %s %s end, or delete it and start it again", o.Kind, o.Name)
	default:
		return fmt.Sprintf("delete the pods; %s %s creates them again", o.Kind, o.Name)
	}
}
