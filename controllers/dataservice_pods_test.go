package controllers

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	gosync "sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	sidecar "github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/pods"
)

// follows gives where pods are, as a pod's sidecar knows it, at any time.
func (l *lender) follows(pod *corev1.Pod) func() map[string]pods.Set {
	run, stop := context.WithCancel(ctx)
	state := filepath.Join(l.folder, pod.Name)
	Expect(os.Mkdir(state, 0o700)).To(Succeed())
	var mu gosync.Mutex
	has := map[string]pods.Set{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = sidecar.Run(run, sidecar.Options{
			Manager: l.url, TrustFile: l.ca, TokenFile: l.file(pod.Name+".token", pod.Name), StateDir: state, Version: "test",
			Logger: slog.New(slog.DiscardHandler),
			Apply: func(u sidecar.Update) error {
				mu.Lock()
				defer mu.Unlock()
				for _, s := range u.Pods {
					has[s.Host] = s
				}
				return nil
			},
		})
	}()
	DeferCleanup(func() { stop(); <-done })
	return func() map[string]pods.Set { mu.Lock(); defer mu.Unlock(); return maps.Clone(has) }
}

// slice is what the cluster keeps of the pods of a Service.
func slice(service, name string, port int32, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	called := "http"
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: esp, Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: endpoints, Ports: []discoveryv1.EndpointPort{{Name: &called, Port: &port}},
	}
}

func endpoint(pod, address string, ready bool) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}
	if pod != "" {
		e.TargetRef = &corev1.ObjectReference{Kind: "Pod", Namespace: esp, Name: pod}
	}
	return e
}

var _ = Describe("Pods of a Service that a DataService names", Ordered, func() {
	const host = "api." + esp + ".svc"
	var (
		w      *world
		has    func() map[string]pods.Set
		first  *discoveryv1.EndpointSlice
		mail   *v1alpha1.DataService
		apiPod *corev1.Pod
	)
	// at lists the addresses of the host, those that are shared with a mark.
	at := func() (out []string) {
		s := has()[host]
		for _, g := range s.Groups {
			for _, a := range g.Addresses {
				if g.Shared {
					out = append(out, a.String()+" shared")
				} else {
					out = append(out, a.String())
				}
			}
		}
		slices.Sort(out)
		return out
	}
	bare := func(name string, host bool) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: esp, Name: name, Labels: map[string]string{"app": "api"}},
			Spec:       corev1.PodSpec{HostNetwork: host, Containers: []corev1.Container{{Name: "app", Image: "app"}}},
		}
	}
	BeforeAll(func() {
		w = newWorld("enforce")
		mail = w.mail()
		create(w.ledger("main"), w.newsletter(), mail, w.policy("mailer", "mailer"))
		apiPod = bare("api-1", false)
		create(apiPod, bare("api-node", true), &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: esp, Name: "api"},
			Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "api"}, Ports: []corev1.ServicePort{
				{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}, {Name: "metrics", Port: 9090},
			}},
		})
		first = slice("api", "api-a", 8080, endpoint("api-1", "10.1.0.1", true), endpoint("api-2", "10.1.0.2", false))
		create(first)
		mailer := w.running("mailer", "a")
		l := newLender(w, podTokens{mailer.Name: mailer})
		has = l.follows(mailer)
	})

	It("reach the sidecars of workloads whose bundles name it, ready or not, with the ports of the Service", func() {
		Eventually(at).Should(Equal([]string{"10.1.0.1", "10.1.0.2"}))
		Expect(has()[host].Groups[0].Ports).To(Equal([]pods.Port{{Port: 80, Target: 8080}}))
	})
	It("come and go with its EndpointSlices", func() {
		change(first, func(s *discoveryv1.EndpointSlice) {
			s.Endpoints = []discoveryv1.Endpoint{endpoint("api-1", "10.1.0.1", true), endpoint("api-3", "10.1.0.3", true)}
		})
		Eventually(at).Should(Equal([]string{"10.1.0.1", "10.1.0.3"}))
		create(slice("api", "api-b", 8081, endpoint("api-4", "10.1.0.4", true)))
		Eventually(at).Should(Equal([]string{"10.1.0.1", "10.1.0.3", "10.1.0.4"}))
		targets := map[netip.Addr]uint16{}
		for _, g := range has()[host].Groups {
			for _, a := range g.Addresses {
				targets[a] = g.Ports[0].Target
			}
		}
		Expect(targets).To(HaveKeyWithValue(netip.MustParseAddr("10.1.0.4"), uint16(8081)))
		Expect(targets).To(HaveKeyWithValue(netip.MustParseAddr("10.1.0.1"), uint16(8080)))
	})
	It("leave the other ports of a node to others", func() {
		change(first, func(s *discoveryv1.EndpointSlice) {
			s.Endpoints = append(s.Endpoints, endpoint("api-node", "192.0.2.10", true), endpoint("", "192.0.2.20", true))
		})
		Eventually(at).Should(ContainElements("192.0.2.10 shared", "192.0.2.20 shared", "10.1.0.1"))
	})
	It("are not those of other Services", func() {
		create(slice("other", "other-a", 8080, endpoint("other-1", "10.1.0.99", true)))
		change(first, func(s *discoveryv1.EndpointSlice) {
			s.Endpoints = append(s.Endpoints, endpoint("api-5", "10.1.0.5", true))
		})
		Eventually(at).Should(ContainElement("10.1.0.5"))
		Expect(at()).NotTo(ContainElement(HavePrefix("10.1.0.99")))
	})
	It("are those of other Services that lead to the same pods, on the ports that do", func() {
		lead := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: esp, Name: "by-way"},
			Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{
				{Name: "http", Port: 8888, TargetPort: intstr.FromInt32(8080)}, {Name: "own", Port: 7000, TargetPort: intstr.FromInt32(7000)},
			}},
		}
		create(lead, slice("by-way", "by-way-a", 8080, endpoint("api-1", "10.1.0.1", true)))
		Eventually(at).Should(ContainElement(fresh(lead).Spec.ClusterIP + " shared"))
		for _, g := range has()[host].Groups {
			if slices.Contains(g.Addresses, netip.MustParseAddr(lead.Spec.ClusterIP)) {
				Expect(g.Ports).To(Equal([]pods.Port{{Port: 80, Target: 8888}}))
			}
		}
		Expect(k8s.Delete(ctx, lead)).To(Succeed())
		Eventually(at).ShouldNot(ContainElement(lead.Spec.ClusterIP + " shared"))
	})
	It("are in no SidecarConfig, whose generation stays", func() {
		Expect(w.config().Spec.Generation).To(Equal(int64(1)))
		Expect(w.config().Spec.Bundle).NotTo(ContainSubstring("10.1.0."))
	})
	It("are gone when the Service is", func() {
		Expect(k8s.DeleteAllOf(ctx, &discoveryv1.EndpointSlice{}, client.InNamespace(esp))).To(Succeed())
		Eventually(at).Should(BeEmpty())
	})
	It("do not count for a pod of the Service itself", func() {
		create(slice("api", "api-c", 8080, endpoint("api-1", "10.1.0.1", true)))
		p := &Pods{Reader: k8s, Services: k8s, Domain: "cluster.local"}
		for _, from := range []struct {
			pod  *corev1.Pod
			want int
		}{{apiPod, 0}, {w.running("other", "a"), 1}} {
			set, known := p.Of(ctx, who(from.pod), host)
			Expect(known).To(BeTrue())
			Expect(set.Len()).To(Equal(from.want), from.pod.Name)
		}
		set, known := p.Of(ctx, who(apiPod), "api.esp.example")
		Expect(set).To(BeNil())
		Expect(known).To(BeTrue())
	})
	It("are not told before all of them are known", func() {
		p := &Pods{Reader: k8s, Services: k8s, synced: []func() bool{func() bool { return false }}}
		_, known := p.Of(ctx, who(apiPod), host)
		Expect(known).To(BeFalse())
	})
})
