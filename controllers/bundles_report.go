package controllers

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/translate"
	"github.com/optup/optup/internal/workload"
)

// sync is how many of a SidecarConfig's sidecars run its newest bundle.
type sync struct {
	running, inSync int32
	oldest          int64
	refusal         string
}

// report writes the status of everything that people wrote, and of what was published.
func (r *Bundles) report(ctx context.Context, s *scope) error {
	syncs := map[types.NamespacedName]sync{}
	var failed []error
	for name, c := range s.published {
		syncs[name] = r.sync(s, name, c)
		failed = append(failed, r.reportConfig(ctx, c, syncs[name], s.unpublished[name]))
	}
	failed = append(failed, r.reportPolicies(ctx, s, syncs), r.reportOthers(ctx, s))
	return errors.Join(failed...)
}

// sync counts pods, which are the truth about what should run, and sessions, which are about what does.
func (r *Bundles) sync(s *scope, name types.NamespacedName, c *v1alpha1.SidecarConfig) sync {
	var out sync
	acknowledged := map[string]bool{}
	for _, x := range r.Sessions.Of(name.Namespace, name.Name) {
		if out.oldest == 0 || x.Generation < out.oldest {
			out.oldest = x.Generation
		}
		switch {
		case !x.Accepted && x.Error != "":
			out.refusal = x.Error
		case x.Accepted && x.Generation == c.Spec.Generation && x.Hash == c.Spec.Hash:
			acknowledged[x.PodUID] = true
		}
	}
	if c.Spec.Workload.Kind == "ConsentLedger" {
		out.running, out.inSync = int32(len(r.Sessions.Of(name.Namespace, name.Name))), int32(len(acknowledged))
		return out
	}
	for _, p := range s.pods[name] {
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		out.running++
		if acknowledged[string(p.UID)] {
			out.inSync++
		}
	}
	return out
}

func (r *Bundles) reportConfig(ctx context.Context, c *v1alpha1.SidecarConfig, n sync, unpublished error) error {
	return patchStatus(ctx, r.Client, c, func(c *v1alpha1.SidecarConfig) {
		c.Status.ObservedGeneration = c.Generation
		c.Status.Running, c.Status.InSync, c.Status.OldestGeneration = n.running, n.inSync, n.oldest
		c.Status.Ready = fmt.Sprintf("%d/%d", n.inSync, n.running)
		ready := condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "Published.", c.Generation)
		if unpublished != nil {
			ready = condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotPublished, "The newest bundle could not be written; the one before stays in force: "+unpublished.Error(), c.Generation)
		}
		meta.SetStatusCondition(&c.Status.Conditions, ready)
		meta.SetStatusCondition(&c.Status.Conditions, programmed(n, c.Generation))
	})
}

func programmed(n sync, generation int64) metav1.Condition {
	switch {
	case n.refusal != "":
		return condition(v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonSidecarRefused, "A sidecar refused the newest bundle: "+n.refusal, generation)
	case n.running == 0:
		return condition(v1alpha1.ConditionProgrammed, metav1.ConditionTrue, v1alpha1.ReasonNoSidecars, "No sidecar runs.", generation)
	case n.inSync < n.running:
		return condition(v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonSidecarsBehind, fmt.Sprintf("%d of %d sidecars have acknowledged the newest bundle.", n.inSync, n.running), generation)
	default:
		return condition(v1alpha1.ConditionProgrammed, metav1.ConditionTrue, v1alpha1.ReasonProgrammed, "Every running sidecar has acknowledged the newest bundle.", generation)
	}
}

func condition(kind string, status metav1.ConditionStatus, reason, message string, generation int64) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: generation}
}

func (r *Bundles) reportPolicies(ctx context.Context, s *scope, syncs map[types.NamespacedName]sync) error {
	var failed []error
	modes := map[string]ir.Mode{}
	for _, n := range s.snapshot.Namespaces {
		modes[n.Name] = n.Mode
	}
	for i := range s.objects.Policies {
		p := &s.objects.Policies[i]
		plain := translate.Policy(p)
		var total sync
		workloads := int32(0)
		for _, b := range s.result.Bundles {
			if b.Workload.Namespace != p.Namespace || !compile.Selects(plain, b.Workload) {
				continue
			}
			workloads++
			n := syncs[types.NamespacedName{Namespace: p.Namespace, Name: workload.ConfigName(b.Workload)}]
			total.running, total.inSync = total.running+n.running, total.inSync+n.inSync
			if n.refusal != "" {
				total.refusal = n.refusal
			}
		}
		mode := v1alpha1.Mode("")
		if m, governed := modes[p.Namespace]; governed {
			mode = v1alpha1.ModeEnforce
			if m == ir.ModeObserve || p.Spec.Mode == v1alpha1.ModeObserve {
				mode = v1alpha1.ModeObserve
			}
		}
		failed = append(failed, patchStatus(ctx, r.Client, p, func(p *v1alpha1.ConsentPolicy) {
			p.Status.ObservedGeneration, p.Status.Workloads, p.Status.Mode = p.Generation, workloads, mode
			setConditions(&p.Status.Conditions, s, policy.Ref{Kind: "ConsentPolicy", Namespace: p.Namespace, Name: p.Name}, p.Generation)
			meta.SetStatusCondition(&p.Status.Conditions, programmed(total, p.Generation))
		}))
	}
	return errors.Join(failed...)
}

func setConditions(to *[]metav1.Condition, s *scope, of policy.Ref, generation int64) {
	for _, c := range translate.Conditions(s.result.Findings, of, generation) {
		meta.SetStatusCondition(to, c)
	}
}

func (r *Bundles) reportOthers(ctx context.Context, s *scope) error {
	var failed []error
	for i := range s.objects.Purposes {
		failed = append(failed, patchStatus(ctx, r.Client, &s.objects.Purposes[i], func(p *v1alpha1.DataPurpose) {
			p.Status.ObservedGeneration = p.Generation
			setConditions(&p.Status.Conditions, s, policy.Ref{Kind: "DataPurpose", Name: p.Name}, p.Generation)
		}))
	}
	for i := range s.objects.Notices {
		failed = append(failed, patchStatus(ctx, r.Client, &s.objects.Notices[i], func(n *v1alpha1.ConsentNotice) {
			n.Status.ObservedGeneration = n.Generation
			setConditions(&n.Status.Conditions, s, policy.Ref{Kind: "ConsentNotice", Name: n.Name}, n.Generation)
		}))
	}
	for i := range s.objects.Services {
		failed = append(failed, patchStatus(ctx, r.Client, &s.objects.Services[i], func(d *v1alpha1.DataService) {
			d.Status.ObservedGeneration = d.Generation
			setConditions(&d.Status.Conditions, s, policy.Ref{Kind: "DataService", Namespace: d.Namespace, Name: d.Name}, d.Generation)
		}))
	}
	return errors.Join(failed...)
}

// patchStatus changes the status of a copy and writes it if it is another one. An object that is gone is none of ours any more.
func patchStatus[T client.Object](ctx context.Context, c client.Client, o T, change func(T)) error {
	after := o.DeepCopyObject().(T)
	change(after)
	if equality.Semantic.DeepEqual(o, after) {
		return nil
	}
	return client.IgnoreNotFound(c.Status().Patch(ctx, after, client.MergeFrom(o)))
}
