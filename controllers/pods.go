package controllers

import (
	"context"
	"net/netip"
	"slices"
	gosync "sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/internal/distribute/server"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/pods"
)

// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch

// Pods knows where the pods are behind the Services that hosts of DataServices name, from their EndpointSlices: ready or not, since a pod
// answers at its own address as soon as it runs, and until it is gone.
type Pods struct {
	// Reader knows pods, and Services has a cache of Services and EndpointSlices.
	Reader, Services client.Reader
	// Domain is that of the cluster's names, such as cluster.local.
	Domain string

	mu     gosync.Mutex
	synced []func() bool
	// known are Services that somebody has asked for, as long as nothing of them changes.
	known map[types.NamespacedName]*backend
	subs  map[chan struct{}]bool
}

var _ server.Pods = (*Pods)(nil)

// backend is a Service with its pods.
type backend struct {
	selector labels.Selector
	groups   []pods.Group
	// guessed tells that the pod of an address was not known. It is looked for again.
	guessed bool
}

// Of implements server.Pods. A pod of the very Service is told nothing of it: what members of one service say to each other on other ports is
// theirs, and none of them is kept from data that it has itself.
func (p *Pods) Of(ctx context.Context, who identity.Identity, host string) (*pods.Set, bool) {
	namespace, service, ok := pods.ServiceOf(host, p.Domain)
	if !ok {
		return nil, true
	}
	name := types.NamespacedName{Namespace: namespace, Name: service}
	b, known := p.backend(ctx, name)
	if !known {
		return nil, false
	}
	set := &pods.Set{Host: host}
	if b.selector != nil && who.Namespace == name.Namespace {
		var pod corev1.Pod
		if err := p.Reader.Get(ctx, types.NamespacedName{Namespace: who.Namespace, Name: who.PodName}, &pod); err != nil {
			return nil, false
		}
		if b.selector.Matches(labels.Set(pod.Labels)) {
			return set, true
		}
	}
	set.Groups = b.groups
	return set, true
}

// backend gives a Service with its pods; without any if there is no such Service. Nothing is known before the cache knows everything.
func (p *Pods) backend(ctx context.Context, name types.NamespacedName) (*backend, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.known[name]; b != nil && !b.guessed {
		return b, true
	}
	for _, synced := range p.synced {
		if !synced() {
			return nil, false
		}
	}
	b, err := p.read(ctx, name)
	if err != nil {
		return nil, false
	}
	if p.known == nil {
		p.known = map[types.NamespacedName]*backend{}
	}
	p.known[name] = b
	return b, true
}

func (p *Pods) read(ctx context.Context, name types.NamespacedName) (*backend, error) {
	var s corev1.Service
	if err := p.Services.Get(ctx, name, &s); err != nil {
		return &backend{}, client.IgnoreNotFound(err)
	}
	var list discoveryv1.EndpointSliceList
	if err := p.Services.List(ctx, &list, client.InNamespace(name.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: name.Name}); err != nil {
		return nil, err
	}
	out := &backend{}
	if len(s.Spec.Selector) > 0 {
		out.selector = labels.SelectorFromSet(s.Spec.Selector)
	}
	for i := range list.Items {
		x := &list.Items[i]
		ports := portsOf(&s, x)
		whole, shared := pods.Group{Ports: ports}, pods.Group{Ports: ports, Shared: true}
		for j := range x.Endpoints {
			g := &whole
			if p.shares(ctx, out, x.Namespace, &x.Endpoints[j]) {
				g = &shared
			}
			for _, a := range x.Endpoints[j].Addresses {
				if addr, err := netip.ParseAddr(a); err == nil {
					g.Addresses = append(g.Addresses, addr.Unmap())
				}
			}
		}
		for _, g := range []pods.Group{whole, shared} {
			if len(g.Addresses) > 0 {
				out.groups = append(out.groups, g)
			}
		}
	}
	tidy(out.groups)
	return out, nil
}

// shares tells whether other ports of an endpoint are somebody else's: it is a pod on its node's network, or no pod at all.
func (p *Pods) shares(ctx context.Context, b *backend, namespace string, e *discoveryv1.Endpoint) bool {
	if e.TargetRef == nil || e.TargetRef.Kind != "Pod" {
		return true
	}
	var pod corev1.Pod
	if err := p.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: e.TargetRef.Name}, &pod); err != nil {
		b.guessed = true
		return false
	}
	return pod.Spec.HostNetwork
}

// portsOf joins the ports of a Service with those of its pods, by their names.
func portsOf(s *corev1.Service, x *discoveryv1.EndpointSlice) (out []pods.Port) {
	for _, target := range x.Ports {
		for _, port := range s.Spec.Ports {
			if target.Port != nil && target.Name != nil && *target.Name == port.Name && (port.Protocol == "" || port.Protocol == corev1.ProtocolTCP) {
				out = append(out, pods.Port{Port: uint16(port.Port), Target: uint16(*target.Port)}) //nolint:gosec // the API server has seen to it
			}
		}
	}
	slices.SortFunc(out, func(a, b pods.Port) int { return int(a.Port) - int(b.Port) })
	return out
}

// tidy puts everything in one order, so that what is the same is not sent again.
func tidy(groups []pods.Group) {
	for i := range groups {
		slices.SortFunc(groups[i].Addresses, netip.Addr.Compare)
		groups[i].Addresses = slices.Compact(groups[i].Addresses)
	}
	slices.SortFunc(groups, func(a, b pods.Group) int { return a.Addresses[0].Compare(b.Addresses[0]) })
}

// PodsCache are the options of a cache for Pods, which keeps nothing that it has no use for.
func PodsCache() map[client.Object]cache.ByObject {
	bare := func(m *metav1.ObjectMeta) { m.ManagedFields, m.Annotations, m.OwnerReferences = nil, nil, nil }
	return map[client.Object]cache.ByObject{
		&corev1.Service{}: {Transform: func(o any) (any, error) {
			if s, ok := o.(*corev1.Service); ok {
				bare(&s.ObjectMeta)
				s.Labels, s.Status, s.Spec = nil, corev1.ServiceStatus{}, corev1.ServiceSpec{Ports: s.Spec.Ports, Selector: s.Spec.Selector}
			}
			return o, nil
		}},
		&discoveryv1.EndpointSlice{}: {Transform: func(o any) (any, error) {
			if s, ok := o.(*discoveryv1.EndpointSlice); ok {
				bare(&s.ObjectMeta)
				for i := range s.Endpoints {
					e := &s.Endpoints[i]
					*e = discoveryv1.Endpoint{Addresses: e.Addresses, TargetRef: e.TargetRef}
				}
			}
			return o, nil
		}},
	}
}

// Watch has streams learn of pods that come and go. Call it once, before the cache starts.
func (p *Pods) Watch(ctx context.Context, c cache.Cache) error {
	for kind, name := range map[client.Object]func(client.Object) string{
		&corev1.Service{}:            func(o client.Object) string { return o.GetName() },
		&discoveryv1.EndpointSlice{}: func(o client.Object) string { return o.GetLabels()[discoveryv1.LabelServiceName] },
	} {
		informer, err := c.GetInformer(ctx, kind)
		if err != nil {
			return err
		}
		changed := func(o any) {
			if x, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
				o = x.Obj
			}
			if x, ok := o.(client.Object); ok {
				p.changed(types.NamespacedName{Namespace: x.GetNamespace(), Name: name(x)})
			}
		}
		handler, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			// A slice may have been another Service's before.
			AddFunc: changed, UpdateFunc: func(was, is any) { changed(was); changed(is) }, DeleteFunc: changed,
		})
		if err != nil {
			return err
		}
		p.synced = append(p.synced, handler.HasSynced)
	}
	return nil
}

// changed forgets what was known of a Service, and tells streams if somebody asked for it.
func (p *Pods) changed(name types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[name] == nil {
		return
	}
	delete(p.known, name)
	for ch := range p.subs {
		select {
		case ch <- struct{}{}:
		default: // one is waiting, and stands for all
		}
	}
}

// Changes implements server.Pods.
func (p *Pods) Changes() (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.subs == nil {
		p.subs = map[chan struct{}]bool{}
	}
	p.subs[ch] = true
	return ch, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.subs, ch)
	}
}
