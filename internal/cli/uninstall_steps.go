package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
)

// steps gives what is to be done, in its order.
func (p *plan) steps() []Step {
	var out []Step
	add := func(phase Phase, action string, o client.Object) {
		kind := o.GetObjectKind().GroupVersionKind().Kind
		if gvk, err := apiutil.GVKForObject(o, p.Scheme()); err == nil {
			kind = gvk.Kind
		}
		out = append(out, Step{Phase: phase, Action: action, Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName(), object: o})
	}
	for _, o := range p.webhooks {
		add(PhaseWebhooks, deleteObject, o)
	}
	if p.RemoveLabels {
		for i := range p.labelled {
			add(PhaseLabels, removeLabel, &p.labelled[i])
		}
	}
	for _, o := range p.manager {
		add(PhaseManager, deleteObject, o)
	}
	if len(p.keptLedgers()) == 0 {
		for _, o := range p.secrets {
			add(PhaseManager, deleteObject, o)
		}
	}
	for i := range p.ledgers {
		if !p.kept(&p.ledgers[i]) {
			add(PhaseLedgers, deleteObject, &p.ledgers[i])
		}
	}
	for _, list := range [][]metav1.PartialObjectMetadata{p.volumes, p.keys} {
		for i := range list {
			if p.purged(list[i].Namespace, list[i].Labels[ledgerLabel]) {
				add(PhaseLedgers, deleteObject, &list[i])
			}
		}
	}
	for i := range p.trusts {
		if p.needed(p.trusts[i].Namespace) == "" {
			add(PhaseTrust, deleteObject, &p.trusts[i])
		}
	}
	for _, d := range p.definitions {
		if p.goes(d.GetName()) {
			add(PhaseDefinitions, deleteObject, d)
		}
	}
	return out
}

// goes tells whether a CustomResourceDefinition goes. Deleting that of ledgers would stop those that are kept.
func (p *plan) goes(definition string) bool {
	return p.Purge && (definition != definitionName(ledgerResource) || len(p.keptLedgers()) == 0)
}

func (p *plan) purged(namespace, ledger string) bool {
	return slices.Contains(p.PurgeLedgers, types.NamespacedName{Namespace: namespace, Name: ledger})
}

func (p *plan) kept(l *v1alpha1.ConsentLedger) bool {
	return !p.StopLedgers && !p.purged(l.Namespace, l.Name)
}

func (p *plan) keptLedgers() []string {
	var out []string
	for i := range p.ledgers {
		if p.kept(&p.ledgers[i]) {
			out = append(out, named(p.ledgers[i].Namespace, p.ledgers[i].Name))
		}
	}
	return out
}

// needed says why the authorities in a namespace stay: a pod that mounts them could not be started again.
func (p *plan) needed(namespace string) string {
	for i := range p.ledgers {
		if l := &p.ledgers[i]; l.Namespace == namespace && p.kept(l) {
			return "the ledger " + l.Name
		}
	}
	switch {
	case len(p.injected[namespace]) > 0:
		return "pods with a sidecar"
	case p.waiting[namespace] && !p.endsHere(namespace):
		return "pods that mount it"
	}
	return ""
}

// endsHere tells that a ledger of the namespace ends, whose pod is what mounts the authorities.
func (p *plan) endsHere(namespace string) bool {
	return slices.ContainsFunc(p.ledgers, func(l v1alpha1.ConsentLedger) bool { return l.Namespace == namespace })
}

// remains says what is left.
func (p *plan) remains() []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if p.release != "" {
		say("The Helm release %s: helm uninstall %s -n %s removes it, and what of it is still there. By itself it would leave ledgers, root keys, trust ConfigMaps, labels and CustomResourceDefinitions.",
			p.release, p.release, p.Namespace)
	}
	p.sidecars(say)
	for i := range p.trusts {
		if why := p.needed(p.trusts[i].Namespace); why != "" {
			say("ConfigMap %s, because %s could not start again without it; run this again when that is over.", named(p.trusts[i].Namespace, inject.TrustConfigMap), why)
		}
	}
	if !p.RemoveLabels && len(p.labelled) > 0 {
		var names []string
		for i := range p.labelled {
			names = append(names, p.labelled[i].Name)
		}
		say("The label %s on %s. Without webhooks it does nothing; with a new installation it governs again. --remove-labels takes it off.", v1alpha1.LabelMode, strings.Join(names, ", "))
	}
	p.data(say)
	var declared []string
	for _, k := range kinds {
		if p.defined(k.resource) && !p.goes(definitionName(k.resource)) {
			declared = append(declared, k.kind)
		}
	}
	switch {
	case len(declared) == 0:
	case p.Purge:
		say("The CustomResourceDefinition of %s, without which the ledgers that are kept would stop.", strings.Join(declared, ", "))
	default:
		say("The CustomResourceDefinitions of %s, with everything that was declared. --purge deletes them.", strings.Join(declared, ", "))
	}
	say("Namespace %s, in case it holds something else: kubectl delete namespace %s", p.Namespace, p.Namespace)
	return out
}

func (p *plan) defined(resource string) bool {
	for _, d := range p.definitions {
		if d.GetName() == definitionName(resource) {
			return true
		}
	}
	return false
}

// sidecars says what goes on in pods that were injected.
func (p *plan) sidecars(say func(string, ...any)) {
	for _, namespace := range slices.Sorted(maps.Keys(p.injected)) {
		if len(p.injected[namespace]) == 0 {
			continue
		}
		var commands []string
		for _, o := range p.injected[namespace] {
			commands = append(commands, renew(namespace, o))
		}
		slices.Sort(commands)
		say("Sidecars in running pods of %s. They go on enforcing their last bundle; from about 15 minutes after the manager is gone, what rests on a record is denied, because nobody renews their grants. "+
			"New pods have none: %s", namespace, strings.Join(slices.Compact(commands), "; "))
	}
}

// data says what is left of ledgers.
func (p *plan) data(say func(string, ...any)) {
	if kept := p.keptLedgers(); len(kept) > 0 {
		say("The ledgers %s, which go on serving until their certificates expire, after 7 days at most: nobody renews them. --keep-ledgers=false stops them and keeps their data and keys.", strings.Join(kept, ", "))
	}
	if len(p.keptLedgers()) > 0 && len(p.secrets) > 0 {
		var names []string
		for _, s := range p.secrets {
			names = append(names, s.GetName())
		}
		say("The Secrets %s in %s, with which a new installation goes on with these ledgers at once.", strings.Join(names, ", "), p.Namespace)
	}
	left := map[string]bool{}
	for _, x := range slices.Concat(p.keys, p.volumes) {
		if ledger := x.Labels[ledgerLabel]; !p.purged(x.Namespace, ledger) {
			left[named(x.Namespace, ledger)] = true
		}
	}
	for i := range p.ledgers {
		if l := &p.ledgers[i]; !p.purged(l.Namespace, l.Name) {
			left[named(l.Namespace, l.Name)] = true
		}
	}
	for _, l := range slices.Sorted(maps.Keys(left)) {
		say("Data and root key of the ledger %s: what people agreed to, and the only link to them. --purge-ledgers=%s deletes them for good.", l, l)
	}
}
