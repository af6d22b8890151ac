package controllers

import (
	"cmp"
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
	// unpublished says why the newest bundle could not be written.
	unpublished error
	// untrusting are hosts on whose connections applications do not accept their sidecars' certificates.
	untrusting []string
}

// report writes the status of everything that people wrote, and of what was published.
func (r *Bundles) report(ctx context.Context, s *scope) error {
	syncs := map[types.NamespacedName]sync{}
	var failed []error
	compiled := s.compiled()
	for name, c := range s.published {
		syncs[name] = r.sync(s, name, c)
		var capture *v1alpha1.SidecarConfigCapture
		if b := compiled[name]; b != nil {
			capture = captureOf(s.pods[name], b)
		}
		failed = append(failed, r.reportConfig(ctx, s, c, syncs[name], capture))
	}
	for name := range s.unpublished {
		if s.published[name] == nil {
			syncs[name] = r.sync(s, name, &v1alpha1.SidecarConfig{})
		}
	}
	failed = append(failed, r.reportPolicies(ctx, s, syncs), r.reportPurposes(ctx, s, syncs), r.reportServices(ctx, s, syncs),
		r.reportAsking(ctx, s), r.reportExemptions(ctx, s))
	return errors.Join(failed...)
}

// sync counts pods, which are the truth about what should run, and sessions, which are about what does. A ledger's pods are not
// looked at: its sessions are the only ones that count.
func (r *Bundles) sync(s *scope, name types.NamespacedName, c *v1alpha1.SidecarConfig) sync {
	out := sync{unpublished: s.unpublished[name]}
	runs := map[string]bool{}
	for _, p := range s.pods[name] {
		if p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
			runs[string(p.UID)] = true
		}
	}
	sessions := r.Sessions.Of(name.Namespace, name.Name)
	if c.Spec.Workload.Kind == v1alpha1.KindConsentLedger {
		for _, x := range sessions {
			runs[x.PodUID] = true
		}
	}
	out.running, out.untrusting = int32(len(runs)), untrustingOf(sessions, c.Spec.Bundle)
	for _, x := range sessions {
		newest := x.Generation == c.Spec.Generation && x.Hash == c.Spec.Hash
		switch {
		case !runs[x.PodUID] || x.Generation == 0:
			continue
		case !x.Accepted && x.Error != "":
			// It says which bundle it refused, not which one it keeps.
			if newest {
				out.refusal = x.Error
			}
			continue
		case x.Accepted && newest:
			out.inSync++
		}
		if out.oldest == 0 || x.Generation < out.oldest {
			out.oldest = x.Generation
		}
	}
	return out
}

// compiled are the bundles of workloads, by the names of their SidecarConfigs.
func (s *scope) compiled() map[types.NamespacedName]*ir.Bundle {
	out := map[types.NamespacedName]*ir.Bundle{}
	for i := range s.result.Bundles {
		b := &s.result.Bundles[i]
		out[types.NamespacedName{Namespace: b.Workload.Namespace, Name: workload.ConfigName(b.Workload)}] = b.Bundle
	}
	return out
}

func (r *Bundles) reportConfig(ctx context.Context, s *scope, c *v1alpha1.SidecarConfig, n sync, capture *v1alpha1.SidecarConfigCapture) error {
	return patchStatus(ctx, r.Client, c, func(c *v1alpha1.SidecarConfig) {
		c.Status.ObservedGeneration = c.Generation
		c.Status.Running, c.Status.InSync, c.Status.OldestGeneration = n.running, n.inSync, n.oldest
		c.Status.Ready = fmt.Sprintf("%d/%d", n.inSync, n.running)
		ready := condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "Published.", c.Generation)
		if found := tooLarge(s.result.Findings, c); found != "" {
			ready = condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonBundleTooLarge, found, c.Generation)
		}
		if n.unpublished != nil {
			ready = condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotPublished, "The newest bundle could not be written; the one before stays in force: "+n.unpublished.Error(), c.Generation)
		}
		meta.SetStatusCondition(&c.Status.Conditions, ready)
		meta.SetStatusCondition(&c.Status.Conditions, programmed(n, c.Generation))
		reportCapture(c, capture)
		reportTrust(c, n.untrusting)
	})
}

// tooLarge gives what the compiler says of a bundle that cannot be published; nobody wrote a SidecarConfig, so it has no other place.
func tooLarge(findings []compile.Finding, c *v1alpha1.SidecarConfig) string {
	workload := policy.Ref{Kind: v1alpha1.KindSidecarConfig, Namespace: c.Namespace, Name: c.Spec.Workload.String()}
	ledger := policy.Ref{Kind: c.Spec.Workload.Kind, Namespace: c.Namespace, Name: c.Spec.Workload.Name}
	for _, f := range findings {
		if f.Code == compile.BundleTooLarge && (f.Resource == workload || f.Resource == ledger) {
			return f.Message
		}
	}
	return ""
}

func programmed(n sync, generation int64) metav1.Condition {
	switch {
	case n.unpublished != nil:
		return condition(v1alpha1.ConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonNotPublished, "A bundle could not be written: "+n.unpublished.Error(), generation)
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
		total, workloads := s.total(syncs, func(b *compile.Bundle) bool {
			return b.Workload.Namespace == p.Namespace && compile.Selects(plain, b.Workload)
		})
		mode := v1alpha1.Mode("")
		if m, governed := modes[p.Namespace]; governed {
			mode = v1alpha1.ModeEnforce
			if m == ir.ModeObserve || p.Spec.Mode == v1alpha1.ModeObserve {
				mode = v1alpha1.ModeObserve
			}
		}
		failed = append(failed, patchStatus(ctx, r.Client, p, func(p *v1alpha1.ConsentPolicy) {
			p.Status.ObservedGeneration, p.Status.Workloads, p.Status.Mode = p.Generation, workloads, mode
			setConditions(&p.Status.Conditions, s, policy.Ref{Kind: v1alpha1.KindConsentPolicy, Namespace: p.Namespace, Name: p.Name}, p.Generation)
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

// total adds up the sidecars of all bundles that an object concerns.
func (s *scope) total(syncs map[types.NamespacedName]sync, concerned func(*compile.Bundle) bool) (total sync, workloads int32) {
	for i := range s.result.Bundles {
		b := &s.result.Bundles[i]
		if !concerned(b) {
			continue
		}
		workloads++
		n := syncs[types.NamespacedName{Namespace: b.Workload.Namespace, Name: workload.ConfigName(b.Workload)}]
		total.running, total.inSync = total.running+n.running, total.inSync+n.inSync
		total.refusal = cmp.Or(total.refusal, n.refusal)
		if total.unpublished == nil {
			total.unpublished = n.unpublished
		}
	}
	return total, workloads
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
