package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
)

// UninstallOptions say what goes. The zero value takes away what runs and what could block pods, and keeps everything that somebody
// declared or that holds what people agreed to.
type UninstallOptions struct {
	// Namespace is where the operator is installed; empty for optup-system.
	Namespace string
	// DryRun changes nothing.
	DryRun bool
	// RemoveLabels takes the mode labels off namespaces.
	RemoveLabels bool
	// StopLedgers deletes the ConsentLedgers, and with them what runs. Their volumes and root keys stay.
	StopLedgers bool
	// Purge deletes the CustomResourceDefinitions, and with them everything that was declared. That of ledgers goes only when no
	// ledger is left.
	Purge bool
	// PurgeLedgers are the ledgers whose volumes and root keys are deleted, each named in full. There is no way back.
	PurgeLedgers []types.NamespacedName
	// Wait is how long the manager may take to end; 0 for a minute.
	Wait time.Duration
	// Report is told of each step that was taken; it may be nil.
	Report func(Step)
}

// Phase is a part of uninstalling.
type Phase string

// Phases, in their order. Whatever the phase in which uninstalling stops, pods start.
const (
	// PhaseWebhooks comes first: without webhooks nobody is asked about pods any more.
	PhaseWebhooks Phase = "webhooks"
	PhaseLabels   Phase = "labels"
	PhaseManager  Phase = "manager"
	PhaseLedgers  Phase = "ledgers"
	// PhaseTrust comes after the manager, which would write the ConfigMaps again.
	PhaseTrust       Phase = "trust"
	PhaseDefinitions Phase = "definitions"
)

// Step is one thing that uninstalling does.
type Step struct {
	Phase Phase `json:"phase"`
	// Action is "delete" or "remove label".
	Action    string `json:"action"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// Done is false in a dry run, and for what was not reached.
	Done bool `json:"done"`

	object client.Object
}

// String says what the step does.
func (s Step) String() string {
	if s.Action == removeLabel {
		return "take the label " + v1alpha1.LabelMode + " off Namespace " + s.Name
	}
	return s.Action + " " + s.Kind + " " + named(s.Namespace, s.Name)
}

const (
	deleteObject = "delete"
	removeLabel  = "remove label"
)

// Uninstalled is what uninstalling did, or would do.
type Uninstalled struct {
	DryRun bool   `json:"dryRun"`
	Steps  []Step `json:"steps"`
	// Remains are sentences about what is left, and how to take that away too.
	Remains []string `json:"remains"`
}

// Uninstall takes OptUp out of a cluster so that nothing is left that blocks pods. It needs no operator that works, and can be
// repeated: it does what is left to do. On an error it stops, before anything that the failed step would leave unsafe.
func Uninstall(ctx context.Context, c client.Client, o UninstallOptions) (Uninstalled, error) {
	if o.Namespace == "" {
		o.Namespace = OperatorNamespace
	}
	p := &plan{Client: c, UninstallOptions: o}
	if err := p.gather(ctx); err != nil {
		return Uninstalled{DryRun: o.DryRun}, err
	}
	out := Uninstalled{DryRun: o.DryRun, Steps: p.steps(), Remains: p.remains()}
	if o.DryRun {
		return out, nil
	}
	for i := range out.Steps {
		s := &out.Steps[i]
		if i > 0 && out.Steps[i-1].Phase != s.Phase {
			if err := p.after(ctx, out.Steps[i-1].Phase); err != nil {
				return out, err
			}
		}
		if err := p.take(ctx, *s); err != nil {
			return out, fmt.Errorf("%s: %w; what came before is done, run this again to go on", s, err)
		}
		s.Done = true
		if o.Report != nil {
			o.Report(*s)
		}
	}
	if n := len(out.Steps); n > 0 {
		return out, p.after(ctx, out.Steps[n-1].Phase)
	}
	return out, nil
}

func (p *plan) take(ctx context.Context, s Step) error {
	if s.Action == removeLabel {
		patch := []byte(`{"metadata":{"labels":{"` + v1alpha1.LabelMode + `":null}}}`)
		return client.IgnoreNotFound(p.Patch(ctx, s.object, client.RawPatch(types.MergePatchType, patch)))
	}
	// Some kinds orphan what they own if nobody asks for more.
	err := p.Delete(ctx, s.object, client.PropagationPolicy("Background"))
	if missing(err) {
		return nil
	}
	return client.IgnoreNotFound(err)
}

// after makes sure that a phase is over before the next one rests on it.
func (p *plan) after(ctx context.Context, phase Phase) error {
	switch phase {
	case PhaseWebhooks:
		left, err := hooks(ctx, p.Client)
		if err == nil && len(left) > 0 {
			err = errors.New(left[0].configuration + " is still there, or was written again")
		}
		if err != nil {
			return fmt.Errorf("%w; without the manager it would block pods, so the manager stays. Stop what writes it (GitOps?), then run this again", err)
		}
	case PhaseManager:
		return p.managerGone(ctx)
	case PhaseLabels, PhaseLedgers, PhaseTrust, PhaseDefinitions:
	}
	return nil
}

// managerGone waits for the manager's pods: as long as one runs, it writes again what is deleted.
func (p *plan) managerGone(ctx context.Context) error {
	limit := p.Wait
	if limit == 0 {
		limit = time.Minute
	}
	left := 0
	err := wait.PollUntilContextTimeout(ctx, time.Second, limit, true, func(ctx context.Context) (bool, error) {
		var pods corev1.PodList
		if err := p.List(ctx, &pods, client.InNamespace(p.Namespace), client.MatchingLabels(managerLabels)); err != nil {
			return false, err
		}
		left = len(slices.DeleteFunc(pods.Items, func(x corev1.Pod) bool { return finished(&x) }))
		return left == 0, nil
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return fmt.Errorf("%d pods of the manager have not ended after %s; run this again once they have", left, limit)
	}
	return err
}
