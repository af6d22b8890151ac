package controllers

import (
	"context"
	"errors"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

func (r *Bundles) reportPurposes(ctx context.Context, s *scope, syncs map[types.NamespacedName]sync) error {
	var failed []error
	for i := range s.objects.Purposes {
		p := &s.objects.Purposes[i]
		total, _ := s.total(syncs, func(b *compile.Bundle) bool {
			return slices.ContainsFunc(b.Bundle.Purposes, func(x ir.Purpose) bool { return string(x.Name) == p.Name })
		})
		failed = append(failed, patchStatus(ctx, r.Client, p, func(p *v1alpha1.DataPurpose) {
			p.Status.ObservedGeneration = p.Generation
			setConditions(&p.Status.Conditions, s, policy.Ref{Kind: v1alpha1.KindDataPurpose, Name: p.Name}, p.Generation)
			meta.SetStatusCondition(&p.Status.Conditions, programmed(total, p.Generation))
		}))
	}
	return errors.Join(failed...)
}

func (r *Bundles) reportServices(ctx context.Context, s *scope, syncs map[types.NamespacedName]sync) error {
	var failed []error
	seen := r.callers(s)
	for i := range s.objects.Services {
		d := &s.objects.Services[i]
		total, _ := s.total(syncs, func(b *compile.Bundle) bool {
			return slices.ContainsFunc(b.Bundle.Services, func(x ir.Service) bool { return x.Name == d.Namespace+"/"+d.Name })
		})
		ready, err := r.credentialReady(ctx, d)
		failed = append(failed, err, patchStatus(ctx, r.Client, d, func(d *v1alpha1.DataService) {
			d.Status.ObservedGeneration = d.Generation
			setConditions(&d.Status.Conditions, s, policy.Ref{Kind: v1alpha1.KindDataService, Namespace: d.Namespace, Name: d.Name}, d.Generation)
			reportAccess(d, s)
			d.Status.Callers = seen[d.Namespace+"/"+d.Name]
			meta.SetStatusCondition(&d.Status.Conditions, programmed(total, d.Generation))
			setCredential(&d.Status.Conditions, ready, err, d.Generation)
		}))
	}
	return errors.Join(failed...)
}

// credentialReady tells whether what sidecars insert into requests to a service is there; nil for a service without a credential.
func (r *Bundles) credentialReady(ctx context.Context, d *v1alpha1.DataService) (*metav1.Condition, error) {
	if d.Spec.Credential == nil || r.Values == nil {
		return nil, nil
	}
	wrong, err := r.Values.problem(ctx, d)
	if err != nil {
		return nil, err
	}
	c := condition(v1alpha1.ConditionCredentialReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialReady,
		"Sidecars of workloads with a rule about the service insert the credential.", d.Generation)
	if wrong != nil {
		c = condition(v1alpha1.ConditionCredentialReady, metav1.ConditionFalse, wrong.reason, wrong.message, d.Generation)
	}
	return &c, nil
}

// setCredential puts what was found about the credential among the conditions. Where nobody could find out, what was found before holds.
func setCredential(all *[]metav1.Condition, ready *metav1.Condition, err error, generation int64) {
	switch {
	case err != nil:
		if ready = meta.FindStatusCondition(*all, v1alpha1.ConditionCredentialReady); ready == nil {
			return
		}
	case ready == nil:
		meta.RemoveStatusCondition(all, v1alpha1.ConditionCredentialReady)
		return
	}
	meta.SetStatusCondition(all, *ready)
	if ready.Status == metav1.ConditionFalse && meta.IsStatusConditionTrue(*all, v1alpha1.ConditionReady) {
		meta.SetStatusCondition(all, condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonCredentialMissing,
			"There is no credential to insert; the condition CredentialReady says why.", generation))
	}
}

// reportAsking reports wordings, and the places where they are offered.
func (r *Bundles) reportAsking(ctx context.Context, s *scope) error {
	var failed []error
	for i := range s.objects.Notices {
		failed = append(failed, patchStatus(ctx, r.Client, &s.objects.Notices[i], func(n *v1alpha1.ConsentNotice) {
			n.Status.ObservedGeneration, n.Status.Texts = n.Generation, hashes(n.Spec.Texts)
			setConditions(&n.Status.Conditions, s, policy.Ref{Kind: v1alpha1.KindConsentNotice, Name: n.Name}, n.Generation)
		}))
	}
	for i := range s.objects.Touchpoints {
		failed = append(failed, patchStatus(ctx, r.Client, &s.objects.Touchpoints[i], func(t *v1alpha1.Touchpoint) {
			t.Status.ObservedGeneration = t.Generation
			setConditions(&t.Status.Conditions, s, policy.Ref{Kind: v1alpha1.KindTouchpoint, Namespace: t.Namespace, Name: t.Name}, t.Generation)
		}))
	}
	return errors.Join(failed...)
}

// hashes are what evidence names: SHA-256 of each text as it is, in UTF-8.
func hashes(texts []v1alpha1.NoticeText) []v1alpha1.NoticeTextHash {
	var out []v1alpha1.NoticeTextHash
	for _, t := range texts {
		out = append(out, v1alpha1.NoticeTextHash{Language: t.Language, SHA256: ir.TextOf(t.Language, t.Text).SHA256})
	}
	return out
}

// notGranted is what becomes of every exemption.
const notGranted = "This version records exemptions and grants none; everything stays enforced."

func (r *Bundles) reportExemptions(ctx context.Context, s *scope) error {
	var failed []error
	for i := range s.objects.Exemptions {
		failed = append(failed, patchStatus(ctx, r.Client, &s.objects.Exemptions[i], func(e *v1alpha1.EnforcementExemption) {
			e.Status.ObservedGeneration = e.Generation
			meta.SetStatusCondition(&e.Status.Conditions, condition(v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonNotGranted, notGranted, e.Generation))
			meta.SetStatusCondition(&e.Status.Conditions, condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotAccepted, "Not accepted; the condition Accepted says why.", e.Generation))
		}))
	}
	return errors.Join(failed...)
}
