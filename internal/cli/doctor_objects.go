package cli

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/translate"
)

// declared is one object that people wrote, with its conditions.
type declared struct {
	kind       string
	object     client.Object
	conditions []metav1.Condition
}

func (x declared) String() string {
	return x.kind + " " + named(x.object.GetNamespace(), x.object.GetName())
}

// condition gives a condition if it is about the object as it is now. Otherwise a line says that it is not.
func (x declared) condition(e *examination, kind string) *metav1.Condition {
	c := meta.FindStatusCondition(x.conditions, kind)
	if c == nil || c.ObservedGeneration < x.object.GetGeneration() {
		e.add(Warn, x.String(), "the manager has not looked at it since its last change", "wait a moment; if it stays, kubectl logs of the manager says why")
		return nil
	}
	return c
}

// accepted looks at Accepted of every object of a kind.
func accepted(e *examination, all []declared) {
	for _, x := range all {
		c := x.condition(e, v1alpha1.ConditionAccepted)
		switch {
		case c == nil:
		case c.Status == metav1.ConditionTrue:
			if warnings, ok := strings.CutPrefix(c.Message, translate.AcceptedWithWarnings); ok {
				e.add(Warn, x.String(), "it is accepted, with warnings:"+warnings, "nothing is denied because of it; see whether it is meant")
			}
		default:
			e.add(Fail, x.String(), fmt.Sprintf("it is not accepted (%s): %s", c.Reason, c.Message), "correct what the message names; until then it denies")
		}
	}
	if len(all) > 0 && e.quiet() {
		e.ok("", "%s accepted", isAre(len(all), all[0].kind))
	}
}

func isAre(n int, kind string) string {
	if n == 1 {
		return "the only " + kind + " is"
	}
	plural := kind + "s"
	if kind == v1alpha1.KindConsentPolicy {
		plural = "ConsentPolicies"
	}
	return fmt.Sprintf("all %d %s are", n, plural)
}

// listed looks at whether every object of a kind is accepted. Items are those of the list, once it was read.
func listed[T any, P interface {
	*T
	client.Object
}](ctx context.Context, d *doctor, e *examination, kind string, list client.ObjectList, items *[]T, conditions func(P) []metav1.Condition, within ...client.ListOption,
) error {
	if err := d.List(ctx, list, within...); err != nil {
		return err
	}
	var all []declared
	for i := range *items {
		x := P(&(*items)[i])
		all = append(all, declared{kind, x, conditions(x)})
	}
	accepted(e, all)
	return nil
}

func (d *doctor) purposes(ctx context.Context, e *examination) error {
	var l v1alpha1.DataPurposeList
	return listed(ctx, d, e, v1alpha1.KindDataPurpose, &l, &l.Items, func(x *v1alpha1.DataPurpose) []metav1.Condition { return x.Status.Conditions })
}

func (d *doctor) notices(ctx context.Context, e *examination) error {
	var l v1alpha1.ConsentNoticeList
	return listed(ctx, d, e, v1alpha1.KindConsentNotice, &l, &l.Items, func(x *v1alpha1.ConsentNotice) []metav1.Condition { return x.Status.Conditions })
}

func (d *doctor) services(ctx context.Context, e *examination) error {
	var l v1alpha1.DataServiceList
	return listed(ctx, d, e, v1alpha1.KindDataService, &l, &l.Items, func(x *v1alpha1.DataService) []metav1.Condition { return x.Status.Conditions }, d.within()...)
}

func (d *doctor) policies(ctx context.Context, e *examination) error {
	var l v1alpha1.ConsentPolicyList
	return listed(ctx, d, e, v1alpha1.KindConsentPolicy, &l, &l.Items, func(x *v1alpha1.ConsentPolicy) []metav1.Condition { return x.Status.Conditions }, d.within()...)
}

func (d *doctor) touchpoints(ctx context.Context, e *examination) error {
	var l v1alpha1.TouchpointList
	return listed(ctx, d, e, v1alpha1.KindTouchpoint, &l, &l.Items, func(x *v1alpha1.Touchpoint) []metav1.Condition { return x.Status.Conditions }, d.within()...)
}

// exemptions lists all of them: whoever wrote one may believe that it holds.
func (d *doctor) exemptions(ctx context.Context, e *examination) error {
	var list v1alpha1.EnforcementExemptionList
	if err := d.List(ctx, &list); err != nil {
		return err
	}
	for i := range list.Items {
		x := &list.Items[i]
		if d.Namespace != "" && d.Namespace != string(x.Spec.Namespace) {
			continue
		}
		e.add(Warn, v1alpha1.KindEnforcementExemption+" "+x.Name, "it is recorded and not granted: in namespace "+string(x.Spec.Namespace)+" everything stays enforced",
			"kubectl delete enforcementexemption "+x.Name+"; to see what would be denied without denying it, label the namespace "+v1alpha1.LabelMode+"="+v1alpha1.LabelModeObserve)
	}
	return nil
}

func (d *doctor) ledgers(ctx context.Context, e *examination) error {
	var list v1alpha1.ConsentLedgerList
	if err := d.List(ctx, &list, d.within()...); err != nil {
		return err
	}
	for i := range list.Items {
		l := &list.Items[i]
		x := declared{v1alpha1.KindConsentLedger, l, l.Status.Conditions}
		ready := x.condition(e, v1alpha1.ConditionReady)
		switch {
		case ready == nil:
		case ready.Status == metav1.ConditionTrue:
			e.ok(x.String(), "it serves the people of %s, position %d", l.Spec.Controller, l.Status.Position)
		default:
			message := ready.Message
			if a := meta.FindStatusCondition(l.Status.Conditions, v1alpha1.ConditionAccepted); a != nil && a.Status != metav1.ConditionTrue {
				message = a.Message
			}
			e.add(Fail, x.String(), fmt.Sprintf("it is not ready (%s): %s", ready.Reason, message),
				fmt.Sprintf("kubectl -n %s get pods -l %s=%s and their logs say why", l.Namespace, ledgerLabel, l.Name))
		}
		if b := meta.FindStatusCondition(l.Status.Conditions, v1alpha1.ConditionKeysBackedUp); b == nil || b.Status != metav1.ConditionTrue {
			e.add(Warn, x.String(), "its root key exists in this cluster only; losing it loses the link from every person to what they agreed to",
				fmt.Sprintf("store a copy of Secret %s outside the cluster, then set spec.keyBackup to %s", named(l.Namespace, translate.LedgerName(l)+"-keys"), v1alpha1.KeyBackupConfirmed))
		}
	}
	return nil
}

func (d *doctor) sidecarConfigs(ctx context.Context, e *examination) error {
	var list v1alpha1.SidecarConfigList
	if err := d.List(ctx, &list, d.within()...); err != nil {
		return err
	}
	running, inSync := int32(0), int32(0)
	for i := range list.Items {
		c := &list.Items[i]
		running, inSync = running+c.Status.Running, inSync+c.Status.InSync
		x := declared{v1alpha1.KindSidecarConfig, c, c.Status.Conditions}
		p := x.condition(e, v1alpha1.ConditionProgrammed)
		if p != nil && p.Status != metav1.ConditionTrue {
			e.add(Fail, x.String(), fmt.Sprintf("%s has %d of %d sidecars in sync (%s): %s", c.Spec.Workload.String(), c.Status.InSync, c.Status.Running, p.Reason, p.Message),
				fmt.Sprintf("kubectl -n %s logs <pod> -c optup-sidecar says why; sidecars behind go on with the bundle before", c.Namespace))
		}
	}
	if e.quiet() {
		e.ok("", "%d of %d sidecars run the newest of %d bundles", inSync, running, len(list.Items))
	}
	return nil
}
