package controllers

import (
	"context"
	"errors"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/workload"
)

// publish writes the SidecarConfigs whose content changed, and deletes those that nobody needs any more. One that cannot be written
// keeps its last content in force and holds up no other.
func (r *Bundles) publish(ctx context.Context, s *scope) error {
	var failed []error
	keep := map[types.NamespacedName]bool{}
	write := func(name types.NamespacedName, spec v1alpha1.SidecarConfigSpec) {
		keep[name] = true
		c, err := r.write(ctx, s.configs[name], name, spec)
		if err != nil {
			s.unpublished[name] = err
			failed = append(failed, err)
			c = s.configs[name]
		}
		if c != nil {
			s.published[name] = c
		}
	}
	for i := range s.result.Bundles {
		b := &s.result.Bundles[i]
		name := types.NamespacedName{Namespace: b.Workload.Namespace, Name: workload.ConfigName(b.Workload)}
		write(name, configSpec(v1alpha1.WorkloadRef{Kind: b.Workload.Kind, Name: b.Workload.Name}, b.Workload.Labels, b.Bundle, b.Encoded, b.Hash))
	}
	for i := range s.result.Ledgers {
		l := &s.result.Ledgers[i]
		name := types.NamespacedName{Namespace: l.Ledger.Namespace, Name: workload.LedgerConfigName(l.Ledger.Name)}
		write(name, configSpec(v1alpha1.WorkloadRef{Kind: "ConsentLedger", Name: l.Ledger.Name}, nil, l.Bundle, l.Encoded, l.Hash))
	}
	for i := range s.snapshot.Ledgers {
		// A ledger whose bundle could not be compiled goes on with its last one.
		l := &s.snapshot.Ledgers[i]
		name := types.NamespacedName{Namespace: l.Namespace, Name: workload.LedgerConfigName(l.Name)}
		if c := s.configs[name]; c != nil && !keep[name] {
			keep[name], s.published[name] = true, c
		}
	}
	for name, c := range s.configs {
		if keep[name] {
			continue
		}
		if err := r.Delete(ctx, c); client.IgnoreNotFound(err) != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func configSpec(w v1alpha1.WorkloadRef, labels map[string]string, b *ir.Bundle, encoded []byte, hash string) v1alpha1.SidecarConfigSpec {
	spec := v1alpha1.SidecarConfigSpec{Workload: w, Labels: labels, Hash: hash, Bundle: string(encoded)}
	var names []string
	for _, p := range b.Purposes {
		spec.Purposes = append(spec.Purposes, v1alpha1.ObjectName(p.Name))
		names = append(names, string(p.Name))
	}
	joined := strings.Join(names, ",")
	if len(joined) > 256 {
		joined = strings.ToValidUTF8(joined[:253], "") + "..."
	}
	spec.Display = &v1alpha1.SidecarConfigDisplay{Workload: w.String(), Purposes: joined}
	return spec
}

// write publishes one bundle if it is another one. The generation is above all that any sidecar has in force, also after somebody
// deleted the SidecarConfig.
func (r *Bundles) write(ctx context.Context, had *v1alpha1.SidecarConfig, name types.NamespacedName, spec v1alpha1.SidecarConfigSpec) (*v1alpha1.SidecarConfig, error) {
	if had != nil && had.Spec.Hash == spec.Hash && had.Spec.Bundle == spec.Bundle && !r.overtaken(had, name) {
		return had, nil
	}
	spec.Generation = r.Sessions.Highest(name.Namespace, name.Name) + 1
	if had == nil {
		c := &v1alpha1.SidecarConfig{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name, Labels: owned(nil)}, Spec: spec}
		return c, r.Create(ctx, c)
	}
	spec.Generation = max(spec.Generation, had.Spec.Generation+1)
	c := had.DeepCopy()
	c.Spec = spec
	err := r.Update(ctx, c)
	if apierrors.IsInvalid(err) {
		return nil, err // the next change may be valid; until then the last content stays
	}
	return c, err
}

// overtaken tells whether a sidecar has a higher generation in force than what is published: it had another bundle's before its pod's labels
// began to matter, and would take no lower one. What sidecars say is believed once a minute, so that none has us write without end.
func (r *Bundles) overtaken(had *v1alpha1.SidecarConfig, name types.NamespacedName) bool {
	if r.Sessions.Highest(name.Namespace, name.Name) <= had.Spec.Generation || time.Since(r.raised[name]) < time.Minute {
		return false
	}
	if r.raised == nil {
		r.raised = map[types.NamespacedName]time.Time{}
	}
	r.raised[name] = time.Now()
	return true
}

// managedBy marks what the manager made.
const (
	managedBy      = "app.kubernetes.io/managed-by"
	managedByValue = "optup"
)

func owned(more map[string]string) map[string]string {
	out := map[string]string{managedBy: managedByValue}
	for k, v := range more {
		out[k] = v
	}
	return out
}
