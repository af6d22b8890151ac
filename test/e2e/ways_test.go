package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/test/road"
)

// tried is what a pod that means no good says of one way around its sidecar.
type tried struct {
	Attempt  string `json:"attempt"`
	Observed string `json:"observed"`
	Got      bool   `json:"got"`
}

var _ = Describe("an application that means to get around its sidecar", Ordered, func() {
	var args []string

	BeforeAll(func(ctx SpecContext) {
		if r.Clients == "" {
			Skip("no images; make e2e-images")
		}
		Expect(r.ApplyYAML(ctx, cunning)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			Expect(client.IgnoreNotFound(r.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shielded"}}))).To(Succeed())
			for _, o := range []client.Object{
				&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "customers"}}, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "crm"}},
				&v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "rogue-denied"}},
			} {
				Expect(client.IgnoreNotFound(r.Delete(ctx, o, client.GracePeriodSeconds(0)))).To(Succeed())
			}
		})
		var s corev1.Service
		Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: "crm", Name: "customers"}, &s)).To(Succeed())
		p, err := r.Pod(ctx, "crm", road.App("crm"))
		Expect(err).NotTo(HaveOccurred())
		args = []string{"--service", s.Spec.ClusterIP, "--pods", p.Status.PodIP + ":8080"}
	}, NodeTimeout(2*time.Minute))

	// tries runs the pod and gives what came of every attempt.
	tries := func(ctx SpecContext, namespace, name string, change func(*corev1.PodSpec)) []tried {
		GinkgoHelper()
		no, group := false, int64(65532)
		p := pause(namespace, name, func(s *corev1.PodSpec) {
			s.RestartPolicy = corev1.RestartPolicyNever
			s.SecurityContext.RunAsGroup = &group
			s.Containers[0].Image, s.Containers[0].Args = r.Prefix+"optup/attempts:"+r.Clients, args
			s.Containers[0].SecurityContext = &corev1.SecurityContext{
				AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			}
			if change != nil {
				change(s)
			}
		})
		p.Labels = map[string]string{"app": name}
		Expect(client.IgnoreNotFound(r.Delete(ctx, p.DeepCopy(), client.GracePeriodSeconds(0)))).To(Succeed())
		Eventually(func() error { return r.Create(ctx, p.DeepCopy()) }).WithContext(ctx).WithTimeout(30 * time.Second).Should(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			Expect(client.IgnoreNotFound(r.Delete(ctx, p.DeepCopy(), client.GracePeriodSeconds(0)))).To(Succeed())
		})
		Eventually(func(g Gomega) {
			var now corev1.Pod
			g.Expect(r.Client.Get(ctx, client.ObjectKeyFromObject(p), &now)).To(Succeed())
			g.Expect(now.Status.ContainerStatuses).To(ContainElement(HaveField("State.Terminated", Not(BeNil()))), "%v", now.Status.InitContainerStatuses)
		}).WithContext(ctx).WithTimeout(3 * time.Minute).WithPolling(time.Second).Should(Succeed())
		out, err := r.Logs(ctx, namespace, road.App(name), "app")
		Expect(err).NotTo(HaveOccurred())
		var all []tried
		var table strings.Builder
		for line := range strings.Lines(out) {
			var one tried
			Expect(json.Unmarshal([]byte(line), &one)).To(Succeed(), line)
			all = append(all, one)
			verdict := "did not get around"
			if one.Got {
				verdict = "GOT AROUND"
			}
			fmt.Fprintf(&table, "%-48s %-18s %s\n", one.Attempt, verdict, one.Observed)
		}
		Expect(len(all)).To(BeNumerically(">", 25), out)
		AddReportEntry("attempts of "+namespace+"/"+name, table.String())
		fmt.Fprintf(GinkgoWriter, "attempts of %s/%s\n%s", namespace, name, table.String())
		return all
	}
	got := func(all []tried) []string {
		out := []string{}
		for _, t := range all {
			if t.Got {
				out = append(out, t.Attempt)
			}
		}
		return out
	}
	// elsewhere are ways to the register that no name or address of its Service leads along. What bounds them is in docs/threat-model.md.
	elsewhere := []string{"pod 1 by its address", "pods by a headless Service"}

	It("gets nothing from a governed service, but by addresses that are not the service's", func(ctx SpecContext) {
		all := tries(ctx, "marketing", "rogue", func(s *corev1.PodSpec) {
			s.HostAliases = []corev1.HostAlias{{IP: "192.0.2.66", Hostnames: []string{"customers.crm"}}}
		})
		Expect(got(all)).To(ConsistOf(elsewhere))
	}, SpecTimeout(5*time.Minute))

	It("gets nothing anywhere, where hosts that no service declares are denied", func(ctx SpecContext) {
		Expect(got(tries(ctx, "marketing", "rogue-denied", nil))).To(BeEmpty())
	}, SpecTimeout(5*time.Minute))

	It("is cooperative by Alias, and status says so", func(ctx SpecContext) {
		all := tries(ctx, "shielded", "rogue", nil)
		for _, name := range []string{"the declared name", "its name with .svc", "its full name"} {
			i := slices.IndexFunc(all, func(t tried) bool { return t.Attempt == name })
			Expect(all[i].Observed).To(ContainSubstring("NO_POLICY"), name)
		}
		Expect(got(all)).To(ContainElement("its address under another name"))
	}, SpecTimeout(5*time.Minute))

	It("is not let in by what its pod asks for", func(ctx SpecContext) {
		reserved := int64(inject.ReservedID)
		for name, change := range map[string]func(*corev1.PodSpec){
			"reserved": func(s *corev1.PodSpec) { s.SecurityContext.RunAsUser = &reserved },
			"privileged": func(s *corev1.PodSpec) {
				yes := true
				s.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: &yes}
			},
			"net-admin": func(s *corev1.PodSpec) {
				s.Containers[0].SecurityContext = &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_ADMIN"}}}
			},
			"shared-processes": func(s *corev1.PodSpec) { yes := true; s.ShareProcessNamespace = &yes },
			"host-processes":   func(s *corev1.PodSpec) { s.HostPID = true },
		} {
			err := r.Create(ctx, pause("marketing", name, change))
			Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%s: %v", name, err)
		}
		p, err := r.Pod(ctx, "marketing", road.App("dashboard"))
		Expect(err).NotTo(HaveOccurred())
		p.Spec.EphemeralContainers = []corev1.EphemeralContainer{{TargetContainerName: inject.SidecarName, EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name: "debug", Image: r.Image("shop"), TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		}}}
		Expect(r.SubResource("ephemeralcontainers").Update(ctx, p)).To(MatchError(ContainSubstring("must not look into the processes")))
	}, SpecTimeout(time.Minute))
})

// cunning is what an application team may make in namespaces of its own, a headless Service of the platform team's, and a namespace whose pods
// can have no privileges.
const cunning = `
apiVersion: v1
kind: Service
metadata: {name: crm, namespace: marketing}
spec: {clusterIP: None, publishNotReadyAddresses: true, selector: {app: namesake}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: customers, namespace: marketing, labels: {app: namesake}}
spec:
  hostname: customers
  subdomain: crm
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532}
  containers: [{name: app, image: "127.0.0.1:5001/optup/shop:dev", args: [crm]}]
---
apiVersion: v1
kind: Service
metadata: {name: headless, namespace: crm}
spec: {clusterIP: None, selector: {app: crm}, ports: [{port: 8080, targetPort: http}]}
---
apiVersion: consent.optup.dev/v1alpha1
kind: ConsentPolicy
metadata: {name: rogue-denied, namespace: marketing}
spec:
  targetRefs: [{kind: Pod, name: rogue-denied}]
  ungoverned: {action: Deny}
---
apiVersion: v1
kind: Namespace
metadata:
  name: shielded
  labels: {consent.optup.dev/mode: enforce, pod-security.kubernetes.io/enforce: restricted}
`
