package e2e

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
)

var _ = Describe("workloads and protocols", Ordered, func() {
	It("a server that speaks first is heard on an allowed host, and on no other", func(ctx SpecContext) {
		Expect(r.ApplyYAML(ctx, greeting)).To(Succeed())
		Expect(r.Ready(ctx, "esp", "smtp")).To(Succeed())
		phase := func(name string) func() corev1.PodPhase {
			return func() corev1.PodPhase {
				var p corev1.Pod
				Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: "marketing", Name: name}, &p)).To(Succeed())
				return p.Status.Phase
			}
		}
		for name, want := range map[string]corev1.PodPhase{"greet-allowed": corev1.PodSucceeded, "greet-denied": corev1.PodFailed} {
			Eventually(phase(name)).WithContext(ctx).WithTimeout(time.Minute).WithPolling(200*time.Millisecond).Should(Equal(want), name)
		}
	}, SpecTimeout(3*time.Minute))

	It("a CronJob's pods are enforced under its name, and finish", func(ctx SpecContext) {
		forget(ctx)
		Expect(r.ApplyYAML(ctx, cron)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			c := &batchv1.CronJob{}
			c.Namespace, c.Name = "marketing", "weekly"
			Expect(client.IgnoreNotFound(r.Delete(ctx, c, client.PropagationPolicy("Background")))).To(Succeed())
		})
		Eventually(func(g Gomega) {
			var jobs batchv1.JobList
			g.Expect(r.List(ctx, &jobs, client.InNamespace("marketing"), client.MatchingLabels{"app": "weekly"})).To(Succeed())
			g.Expect(jobs.Items).To(ContainElement(HaveField("Status.Succeeded", BeEquivalentTo(1))))
		}).WithContext(ctx).WithTimeout(150 * time.Second).WithPolling(500 * time.Millisecond).Should(Succeed())
		Expect(r.Mailed(ctx, "d-newsletter")).To(HaveLen(lawful()))
		var l v1alpha1.SidecarConfigList
		Expect(r.List(ctx, &l, client.InNamespace("marketing"))).To(Succeed())
		Expect(l.Items).To(ContainElement(HaveField("Spec.Workload.Kind", "CronJob")))
	}, SpecTimeout(4*time.Minute))
})

const security = `
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532}
`

const greeting = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: smtp, namespace: esp}
spec:
  selector: {matchLabels: {app: smtp}}
  template:
    metadata: {labels: {app: smtp}}
    spec:` + security + `
      containers: [{name: smtp, image: "127.0.0.1:5001/optup/shop:dev", args: [smtp]}]
---
apiVersion: v1
kind: Service
metadata: {name: relay, namespace: esp}
spec: {selector: {app: smtp}, ports: [{port: 25, targetPort: 2525}]}
---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: esp}
spec: {selector: {app: smtp}, ports: [{port: 25, targetPort: 2525}]}
---
apiVersion: consent.optup.dev/v1alpha1
kind: ConsentPolicy
metadata: {name: greet, namespace: marketing}
spec:
  targetRefs: [{kind: Pod, name: greet-allowed}, {kind: Pod, name: greet-denied}]
  ungoverned: {action: Allow, hosts: [relay.esp.svc.cluster.local]}
---
apiVersion: v1
kind: Pod
metadata: {name: greet-allowed, namespace: marketing}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532}
  containers: [{name: app, image: "127.0.0.1:5001/optup/shop:dev", args: [greet, "relay.esp:25"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: greet-denied, namespace: marketing}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532}
  containers: [{name: app, image: "127.0.0.1:5001/optup/shop:dev", args: [greet, "other.esp:25"]}]
`

const cron = `
apiVersion: consent.optup.dev/v1alpha1
kind: ConsentPolicy
metadata: {name: weekly, namespace: marketing}
spec:
  targetRefs: [{kind: CronJob, name: weekly}]
  rules:
  - name: newsletter
    purpose: newsletter
    service: {namespace: esp, name: mail}
    endpoints: [send]
    when: [{source: Body, name: /template_id, in: [d-newsletter]}]
    onMissing: DropAddressee
    onEmpty: AnswerAccepted
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: weekly, namespace: marketing}
spec:
  schedule: "* * * * *"
  concurrencyPolicy: Forbid
  jobTemplate:
    metadata: {labels: {app: weekly}}
    spec:
      backoffLimit: 0
      template:
        metadata: {labels: {app: weekly}}
        spec:
          restartPolicy: Never
          automountServiceAccountToken: false
          securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532}
          containers:
          - name: weekly
            image: 127.0.0.1:5001/optup/shop:dev
            args: [campaign, --list=/lists/addressees.csv, --esp=https://api.brieftaube.example]
            env: [{name: ESP_KEY, valueFrom: {secretKeyRef: {name: esp-key, key: key}}}]
            volumeMounts: [{name: lists, mountPath: /lists, readOnly: true}, {name: roots, mountPath: /etc/ssl/certs, readOnly: true}]
          volumes: [{name: lists, configMap: {name: lists}}, {name: roots, configMap: {name: roots}}]
`

func namespaceOf(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func podOf(namespace, name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}
