package controllers

import (
	"context"
	"strings"
	gosync "sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/distribute/server"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/workload"
)

// Directory tells the config service who a pod is and what was published for it, from the manager's cache. Every replica serves
// from what the leader published, so that replicas cannot disagree.
type Directory struct {
	Reader client.Reader

	mu   gosync.Mutex
	subs map[types.NamespacedName]map[chan struct{}]bool
}

var _ server.Directory = (*Directory)(nil)

// Caller implements server.Directory. What a pod says about itself counts for nothing: it is found by the name and UID in its
// verified token, and only while it runs.
func (d *Directory) Caller(ctx context.Context, who identity.Identity) (server.Caller, error) {
	var pod corev1.Pod
	if err := d.Reader.Get(ctx, types.NamespacedName{Namespace: who.Namespace, Name: who.PodName}, &pod); err != nil {
		return server.Caller{}, server.ErrUnknownPod
	}
	if string(pod.UID) != who.PodUID || pod.Spec.ServiceAccountName != who.ServiceAccount ||
		pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return server.Caller{}, server.ErrUnknownPod
	}
	if inject.Injected(&pod) {
		return d.sidecar(ctx, &pod)
	}
	return d.ledger(ctx, &pod)
}

func (d *Directory) sidecar(ctx context.Context, pod *corev1.Pod) (server.Caller, error) {
	var list v1alpha1.ConsentPolicyList
	if err := d.Reader.List(ctx, &list, client.InNamespace(pod.Namespace)); err != nil {
		return server.Caller{}, server.ErrUnknownPod
	}
	var services v1alpha1.DataServiceList
	if err := d.Reader.List(ctx, &services, client.InNamespace(pod.Namespace)); err != nil {
		return server.Caller{}, server.ErrUnknownPod
	}
	w := workload.Of(pod, selectorKeys(list.Items, services.Items)[pod.Namespace])
	return server.Caller{Namespace: pod.Namespace, Config: workload.ConfigName(w), Workload: w.ID()}, nil
}

// ledger: the pod runs under the service account that only a ConsentLedger of this name gives its pods.
func (d *Directory) ledger(ctx context.Context, pod *corev1.Pod) (server.Caller, error) {
	name, ok := strings.CutSuffix(pod.Spec.ServiceAccountName, "-ledger")
	if !ok || pod.Labels[LabelLedger] != name {
		return server.Caller{}, server.ErrUnknownPod
	}
	var l v1alpha1.ConsentLedger
	if err := d.Reader.Get(ctx, types.NamespacedName{Namespace: pod.Namespace, Name: name}, &l); err != nil {
		return server.Caller{}, server.ErrUnknownPod
	}
	w := policy.Workload{Namespace: pod.Namespace, Kind: "ConsentLedger", Name: name}
	return server.Caller{Namespace: pod.Namespace, Config: workload.LedgerConfigName(name), Workload: w.ID(), Ledger: true}, nil
}

// Published implements server.Directory.
func (d *Directory) Published(ctx context.Context, namespace, config string) (server.Published, bool) {
	var c v1alpha1.SidecarConfig
	if err := d.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: config}, &c); err != nil {
		return server.Published{}, false
	}
	return server.Published{Generation: c.Spec.Generation, Hash: c.Spec.Hash, Bundle: []byte(c.Spec.Bundle)}, true
}

// Changes implements server.Directory.
func (d *Directory) Changes(namespace, config string) (<-chan struct{}, func()) {
	name := types.NamespacedName{Namespace: namespace, Name: config}
	ch := make(chan struct{}, 1)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.subs == nil {
		d.subs = map[types.NamespacedName]map[chan struct{}]bool{}
	}
	if d.subs[name] == nil {
		d.subs[name] = map[chan struct{}]bool{}
	}
	d.subs[name][ch] = true
	return ch, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.subs[name], ch)
		if len(d.subs[name]) == 0 {
			delete(d.subs, name)
		}
	}
}

func (d *Directory) changed(o any) {
	if x, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
		o = x.Obj
	}
	c, ok := o.(*v1alpha1.SidecarConfig)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for ch := range d.subs[client.ObjectKeyFromObject(c)] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// Watch has the directory follow SidecarConfigs. Call it once, before the cache starts.
func (d *Directory) Watch(ctx context.Context, c cache.Cache) error {
	informer, err := c.GetInformer(ctx, &v1alpha1.SidecarConfig{})
	if err != nil {
		return err
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: d.changed, UpdateFunc: func(_, o any) { d.changed(o) }, DeleteFunc: d.changed,
	})
	return err
}
