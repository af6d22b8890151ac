package controllers

import (
	"context"
	"net/netip"
	"slices"
	gosync "sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
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
	// leads are the Services that lead to an address, with the number of their EndpointSlices that do.
	leads map[netip.Addr]map[types.NamespacedName]int
	subs  map[chan struct{}]bool
}

var _ server.Pods = (*Pods)(nil)

// backend is a Service with its pods.
type backend struct {
	selector labels.Selector
	groups   []pods.Group
	// addresses are those of its pods alone, and others the Services that lead to some of them, too.
	addresses map[netip.Addr]bool
	others    map[types.NamespacedName]bool
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
	out := &backend{addresses: map[netip.Addr]bool{}}
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
			g.Addresses = append(g.Addresses, parsed(x.Endpoints[j].Addresses)...)
		}
		for _, a := range whole.Addresses {
			out.addresses[a] = true
		}
		for _, g := range []pods.Group{whole, shared} {
			if len(g.Addresses) > 0 {
				out.groups = append(out.groups, g)
			}
		}
	}
	tidy(out.groups)
	return out, p.addOthers(ctx, name, out)
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
