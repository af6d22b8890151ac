package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/optup/optup/internal/distribute/configv1"
	"github.com/optup/optup/internal/distribute/server"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/inject"
)

// pod is a pod of a Deployment without a sidecar. No kubelet runs it.
func (w *world) pod(deployment, suffix string) *corev1.Pod {
	yes := true
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: marketing, Name: deployment + "-5d4f-" + suffix, Labels: map[string]string{"pod-template-hash": "5d4f"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: "ReplicaSet", Name: deployment + "-5d4f", UID: types.UID("replicas-of-" + deployment), Controller: &yes,
			}},
		},
		Spec: corev1.PodSpec{ServiceAccountName: "default", Containers: []corev1.Container{{Name: "app", Image: "app"}}},
	}
}

// running creates a pod with the sidecar as it is injected, and says that it runs.
func (w *world) running(deployment, suffix string) *corev1.Pod {
	GinkgoHelper()
	return w.runs(w.pod(deployment, suffix))
}

func (w *world) runs(pod *corev1.Pod) *corev1.Pod {
	GinkgoHelper()
	injected, report := inject.Inject(pod, inject.Namespace{Name: marketing, Labels: map[string]string{inject.ModeLabel: inject.ModeEnforce}},
		inject.Config{Image: "optup/sidecar:1", ManagerURL: "https://optup-manager.optup-system.svc:9443"})
	Expect(report.Refusals).To(BeEmpty())
	create(injected)
	phase(injected, corev1.PodRunning)
	return injected
}

func phase(pod *corev1.Pod, to corev1.PodPhase) {
	GinkgoHelper()
	pod.Status.Phase = to
	Expect(k8s.Status().Update(ctx, pod)).To(Succeed())
}

// who is what the verified token of a pod says.
func who(pod *corev1.Pod) identity.Identity {
	return identity.Identity{
		Subject:   "system:serviceaccount:" + pod.Namespace + ":" + pod.Spec.ServiceAccountName,
		Namespace: pod.Namespace, ServiceAccount: pod.Spec.ServiceAccountName, PodName: pod.Name, PodUID: string(pod.UID),
	}
}

// caller is who the directory finds for a pod.
func caller(pod *corev1.Pod) server.Caller {
	GinkgoHelper()
	c, err := (&Directory{Reader: k8s}).Caller(ctx, who(pod))
	Expect(err).NotTo(HaveOccurred())
	return c
}

// acknowledge says what a pod's sidecar has in force.
func (w *world) acknowledge(pod *corev1.Pod, generation int64, hash string) {
	GinkgoHelper()
	w.sessions.Acknowledge(string(pod.UID), caller(pod), &configv1.AcknowledgeRequest{Generation: generation, Hash: hash, Accepted: true})
}

// refuse says that a pod's sidecar cannot use a bundle.
func (w *world) refuse(pod *corev1.Pod, generation int64, hash, why string) {
	GinkgoHelper()
	w.sessions.Acknowledge(string(pod.UID), caller(pod), &configv1.AcknowledgeRequest{Generation: generation, Hash: hash, Error: why})
}
