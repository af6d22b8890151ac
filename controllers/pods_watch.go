package controllers

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/internal/pods"
)

// PodsCache are the options of a cache for Pods, which keeps nothing that it has no use for.
func PodsCache() map[client.Object]cache.ByObject {
	bare := func(m *metav1.ObjectMeta) { m.ManagedFields, m.Annotations, m.OwnerReferences = nil, nil, nil }
	return map[client.Object]cache.ByObject{
		&corev1.Service{}: {Transform: func(o any) (any, error) {
			if s, ok := o.(*corev1.Service); ok {
				bare(&s.ObjectMeta)
				s.Labels, s.Status, s.Spec = nil, corev1.ServiceStatus{}, corev1.ServiceSpec{Ports: s.Spec.Ports, Selector: s.Spec.Selector, ClusterIPs: s.Spec.ClusterIPs}
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
	p.leads = map[netip.Addr]map[types.NamespacedName]int{}
	service := func(o any) {
		if s, ok := last(o).(*corev1.Service); ok {
			p.changed(client.ObjectKeyFromObject(s), nil)
		}
	}
	slice := func(o any, more int) {
		if s, ok := last(o).(*discoveryv1.EndpointSlice); ok {
			p.changed(types.NamespacedName{Namespace: s.Namespace, Name: s.Labels[discoveryv1.LabelServiceName]}, p.lead(s, more))
		}
	}
	for kind, handler := range map[client.Object]toolscache.ResourceEventHandlerFuncs{
		&corev1.Service{}: {AddFunc: service, UpdateFunc: func(_, o any) { service(o) }, DeleteFunc: service},
		// A slice may have been another Service's before.
		&discoveryv1.EndpointSlice{}: {
			AddFunc: func(o any) { slice(o, 1) }, UpdateFunc: func(was, is any) { slice(was, -1); slice(is, 1) }, DeleteFunc: func(o any) { slice(o, -1) },
		},
	} {
		informer, err := c.GetInformer(ctx, kind)
		if err != nil {
			return err
		}
		registered, err := informer.AddEventHandler(handler)
		if err != nil {
			return err
		}
		p.synced = append(p.synced, registered.HasSynced)
	}
	return nil
}

// last gives an object that was deleted as it was known last.
func last(o any) any {
	if x, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
		return x.Obj
	}
	return o
}

// lead counts a slice as one more, or one less, that leads to its addresses, and gives these.
func (p *Pods) lead(s *discoveryv1.EndpointSlice, more int) (to []netip.Addr) {
	name := types.NamespacedName{Namespace: s.Namespace, Name: s.Labels[discoveryv1.LabelServiceName]}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range s.Endpoints {
		to = append(to, parsed(s.Endpoints[i].Addresses)...)
	}
	for _, a := range to {
		if p.leads[a] == nil {
			p.leads[a] = map[types.NamespacedName]int{}
		}
		if p.leads[a][name] += more; p.leads[a][name] <= 0 {
			delete(p.leads[a], name)
		}
		if len(p.leads[a]) == 0 {
			delete(p.leads, a)
		}
	}
	return to
}

func parsed(addresses []string) (out []netip.Addr) {
	for _, s := range addresses {
		if a, err := netip.ParseAddr(s); err == nil {
			out = append(out, a.Unmap())
		}
	}
	return out
}

// changed forgets what followed from a Service and from what it leads to, and tells streams if that was something.
func (p *Pods) changed(name types.NamespacedName, to []netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := len(p.known)
	maps.DeleteFunc(p.known, func(n types.NamespacedName, b *backend) bool {
		return n == name || b.others[name] || slices.ContainsFunc(to, func(a netip.Addr) bool { return b.addresses[a] })
	})
	if len(p.known) == before {
		return
	}
	for ch := range p.subs {
		select {
		case ch <- struct{}{}:
		default: // one is waiting, and stands for all
		}
	}
}

// addOthers adds the addresses of other Services that lead to the same pods: on their ports that lead to those of the Service they are as
// good as it, whoever made them. Their other ports are their own.
func (p *Pods) addOthers(ctx context.Context, name types.NamespacedName, b *backend) error {
	b.others = map[types.NamespacedName]bool{}
	for a := range b.addresses {
		for other := range p.leads[a] {
			b.others[other] = true
		}
	}
	delete(b.others, name)
	for _, other := range slices.SortedFunc(maps.Keys(b.others), func(a, b types.NamespacedName) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	}) {
		var s corev1.Service
		if err := p.Services.Get(ctx, other, &s); client.IgnoreNotFound(err) != nil {
			return err
		}
		var list discoveryv1.EndpointSliceList
		if err := p.Services.List(ctx, &list, client.InNamespace(other.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: other.Name}); err != nil {
			return err
		}
		g := pods.Group{Addresses: parsed(s.Spec.ClusterIPs), Shared: true}
		for i := range list.Items {
			g.Ports = append(g.Ports, b.through(portsOf(&s, &list.Items[i]))...)
		}
		if len(g.Addresses) > 0 && len(g.Ports) > 0 {
			slices.SortFunc(g.Ports, func(a, b pods.Port) int { return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Target, b.Target)) })
			g.Ports = slices.Compact(g.Ports)
			b.groups = append(b.groups, g)
		}
	}
	return nil
}

// through gives the ports of the Service that ports of another one lead to.
func (b *backend) through(others []pods.Port) (out []pods.Port) {
	for _, o := range others {
		for _, g := range b.groups {
			for _, own := range g.Ports {
				if own.Target == o.Target && !g.Shared {
					out = append(out, pods.Port{Port: own.Port, Target: o.Port})
				}
			}
		}
	}
	return out
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
