package controllers

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/peer"
	"github.com/optup/optup/internal/translate"
	"github.com/optup/optup/internal/workload"
)

// mostCallers is what a status holds.
const mostCallers = 64

// callers gives who called each service, by "namespace/name", as the service's sidecars tell. It is shown and decides nothing.
func (r *Bundles) callers(s *scope) map[string][]v1alpha1.ServiceCaller {
	pods := map[string]*corev1.Pod{}
	for i := range s.everyPod {
		p := &s.everyPod[i]
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue // its address may be another's by now
		}
		for _, ip := range p.Status.PodIPs {
			pods[ip.IP] = p
		}
	}
	out := map[string][]v1alpha1.ServiceCaller{}
	for i := range s.result.Bundles {
		b := &s.result.Bundles[i]
		if len(b.Bundle.Provides) == 0 {
			continue
		}
		for _, x := range r.Sessions.Of(b.Workload.Namespace, workload.ConfigName(b.Workload)) {
			for _, c := range x.Callers {
				d := s.service(c.Service)
				// A sidecar speaks of the services of its own workload only.
				ours := slices.ContainsFunc(b.Bundle.Provides, func(p ir.Provided) bool { return p.Service.Name == c.Service })
				if d == nil || !ours {
					continue
				}
				out[c.Service] = append(out[c.Service], s.caller(d, c, pods))
			}
		}
	}
	for name, all := range out {
		out[name] = distinctCallers(all)
	}
	return out
}

func (s *scope) service(name string) *v1alpha1.DataService {
	for i := range s.objects.Services {
		if d := &s.objects.Services[i]; d.Namespace+"/"+d.Name == name {
			return d
		}
	}
	return nil
}

// caller names who called, by what was proven or by the pod that has the address now.
func (s *scope) caller(d *v1alpha1.DataService, c peer.Observed, pods map[string]*corev1.Pod) v1alpha1.ServiceCaller {
	out := v1alpha1.ServiceCaller{Namespace: c.Namespace, Proof: v1alpha1.CallerProof(c.Proof), GovernedOnly: v1alpha1.CallerShutOut, LastSeen: metav1.NewTime(c.Seen.Truncate(time.Hour))}
	switch c.Proof {
	case peer.ProofCertificate, peer.ProofToken:
		out.Workload = s.workloadOf(c.Namespace, c.Workload)
	default:
		out.Proof = v1alpha1.CallerProof(peer.ProofNone)
		out.Namespace = ""
		if p := pods[c.Address]; p != nil {
			o := workload.OfPod(p)
			out.Namespace, out.Workload = p.Namespace, o.Kind+"/"+o.Name
		}
	}
	if s.mayRefer(d, out.Namespace) {
		out.GovernedOnly = v1alpha1.CallerLetIn
	}
	return out
}

// workloadOf gives the workload whose bundle has a name, whether or not it is published; empty for one that is there no more.
func (s *scope) workloadOf(namespace, config string) string {
	if c := s.configs[types.NamespacedName{Namespace: namespace, Name: config}]; c != nil {
		return c.Spec.Workload.String()
	}
	for _, w := range s.objects.Workloads {
		if w.Namespace == namespace && workload.ConfigName(w) == config {
			return w.ID()
		}
	}
	return ""
}

// mayRefer tells whether a namespace is governed and may refer to a service.
func (s *scope) mayRefer(d *v1alpha1.DataService, namespace string) bool {
	for _, n := range s.snapshot.Namespaces {
		if n.Name == namespace {
			return namespace == d.Namespace || translate.Allowed(d).Matches(n)
		}
	}
	return false
}

// distinctCallers joins what several sidecars saw: each caller once, with the last hour that any saw it.
func distinctCallers(all []v1alpha1.ServiceCaller) []v1alpha1.ServiceCaller {
	slices.SortFunc(all, func(a, b v1alpha1.ServiceCaller) int {
		return cmp.Or(-strings.Compare(string(a.GovernedOnly), string(b.GovernedOnly)), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Workload, b.Workload),
			cmp.Compare(a.Proof, b.Proof), b.LastSeen.Compare(a.LastSeen.Time))
	})
	all = slices.CompactFunc(all, func(a, b v1alpha1.ServiceCaller) bool {
		return a.Namespace == b.Namespace && a.Workload == b.Workload && a.Proof == b.Proof
	})
	return all[:min(len(all), mostCallers)]
}
