package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/test/road"
)

// Attempts to get around the sidecar, each with what was observed. Whatever an attempt gets, nothing of it may arrive at the vendor with
// its key, and nobody who did not agree may be written to.
var _ = Describe("attempts to go around", Ordered, func() {
	t := &table{title: "attempts to go around"}
	BeforeAll(func(ctx SpecContext) {
		openVendor(ctx)
		Expect(r.ApplyYAML(ctx, attemptServices)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			for _, o := range []client.Object{
				&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shielded"}}, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "customers"}},
				&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "crm"}},
			} {
				Expect(client.IgnoreNotFound(r.Delete(ctx, o, client.GracePeriodSeconds(0)))).To(Succeed())
			}
		})
		Expect(r.Names(ctx, map[string]string{road.VendorHost: "esp/vendor", "rebound.example": "esp/vendor", "free.example": "esp/free"})).To(Succeed())
	})
	AfterAll(func() { t.print() })

	It("of a program in its pod arrive nowhere", func(ctx SpecContext) {
		for name, ungoverned := range map[string]string{"attacker": "{action: Deny}", "loose": "{action: Observe}"} {
			Expect(r.ApplyYAML(ctx, attemptPolicy(name, ungoverned))).To(Succeed())
			p := attacker(ctx, "marketing", name)
			p.Spec.HostAliases = []corev1.HostAlias{{IP: "192.0.2.66", Hostnames: []string{"customers.crm"}}} // which is nobody's
			Expect(r.Create(ctx, p)).To(Succeed())
		}
		for _, name := range []string{"attacker", "loose"} {
			seen := observations(ctx, "marketing", name)
			for _, a := range attempts {
				observed, told := seen[a.name]
				want := a.want
				if name == "loose" && a.loose != "" {
					want = a.loose
				}
				t.add(name, a.name, observed, wrongUnless(told && regexp.MustCompile(want).MatchString(observed), observed, " is not ", want))
			}
		}
		arrived, err := vendor.Requests(ctx)
		Expect(err).NotTo(HaveOccurred())
		for _, x := range arrived {
			Expect(x.Mail).To(BeNil(), "a mail was sent")
			Expect(x.Key).NotTo(Equal("right"), "the key left the sidecar for %s", x.Path)
		}
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(4*time.Minute))

	It("are the application's to make by Alias, where its pod can have no privileges, and status says so", func(ctx SpecContext) {
		Eventually(func() error { return r.Create(ctx, attacker(ctx, "shielded", "shielded")) }).WithContext(ctx).WithTimeout(time.Minute).Should(Succeed())
		seen := observations(ctx, "shielded", "shielded")
		for _, a := range attempts {
			if a.alias != "" {
				t.add("alias", a.name, seen[a.name], wrongUnless(regexp.MustCompile(a.alias).MatchString(seen[a.name]), seen[a.name], " is not ", a.alias))
			}
		}
		Eventually(func(g Gomega) {
			var l v1alpha1.SidecarConfigList
			g.Expect(r.List(ctx, &l, client.InNamespace("shielded"))).To(Succeed())
			g.Expect(l.Items).To(HaveLen(1))
			g.Expect(l.Items[0].Status.Capture).NotTo(BeNil())
			g.Expect(l.Items[0].Status.Capture.Modes).To(Equal([]v1alpha1.CaptureMode{v1alpha1.CaptureAlias}))
			g.Expect(l.Items[0].Status.Capture.NotCovered).To(ContainElement(HavePrefix("Cooperative: under Alias")))
		}).WithContext(ctx).WithTimeout(time.Minute).Should(Succeed())
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(4*time.Minute))

	It("of a service that is not what it says are refused, and get no key", func(ctx SpecContext) {
		Expect(vendor.Tell(ctx, "/reset", nil)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(vendor.Tell(ctx, "/certificate", road.PairRight)).To(Succeed()) })
		for _, pair := range []string{road.PairExpired, road.PairOther, road.PairUnknown} {
			Expect(vendor.Tell(ctx, "/certificate", pair)).To(Succeed())
			// Connections that were made before show the certificate of then.
			var out string
			Eventually(func() string {
				out = inPod(ctx, "attacker", "/usr/bin/curl", "-sS", "-m", "10", "-w", " (%{http_code})", "https://"+road.VendorHost+"/v3/marketing/contacts")
				return out
			}).WithContext(ctx).WithTimeout(3 * time.Minute).WithPolling(2 * time.Second).Should(ContainSubstring("(502)"))
			Expect(vendor.Tell(ctx, "/reset", nil)).To(Succeed())
			for range 3 {
				out = inPod(ctx, "attacker", "/usr/bin/curl", "-sS", "-m", "10", "-w", " (%{http_code})", "https://"+road.VendorHost+"/v3/marketing/contacts")
				Expect(out).To(ContainSubstring("(502)"))
			}
			Expect(vendor.Requests(ctx)).To(BeEmpty())
			t.add("service", "certificate: "+pair, out, "")
		}
	}, SpecTimeout(8*time.Minute))

	It("are not made by OptUp itself: what nobody declared keeps its own certificate", func(ctx SpecContext) {
		out := inPod(ctx, "loose", "/usr/bin/python3", "-c", `
import ssl
print("the vendor's authority" if b"the vendor's authority" in ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("free.example", 443))) else "another")`)
		t.add("loose", "an undeclared host's certificate is of", strings.TrimSpace(out), wrongUnless(strings.TrimSpace(out) == "the vendor's authority", out))
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(time.Minute))

	It("of a pod's makers are refused when it is made or changed", func(ctx SpecContext) {
		for _, a := range admissions {
			err := a.try(ctx)
			said := ""
			if err != nil {
				said = err.Error()[max(0, strings.LastIndex(err.Error(), "denied the request: ")):]
			}
			t.add("admission", a.name, strings.TrimPrefix(said, "denied the request: "), wrongUnless(strings.Contains(said, a.want), "it was ", err))
		}
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(time.Minute))
})

// attempts of test/pods/debian/attempts.py with what may be observed: by a pod that may reach nothing undeclared, and where it differs
// by one that may reach everything else, or by one that is captured by Alias.
var attempts = []struct{ name, want, loose, alias string }{
	{"direct address, no server name", refusal, "", ""},
	{"direct address, another server name", refusal, "", ""},
	{"direct address, the vendor's server name", "403.*NOT_PERMITTED", "", ""},
	{"address of a pod behind it, no server name", refusal, "401 Unauthorized", ""},
	{"address of a pod behind it, the vendor's server name", refusal, "", ""},
	{"another port of the vendor", refusal, "", ""},
	{"HTTP on the port of TLS", refusal, "", ""},
	{"another name that leads to the vendor (rebinding)", refusal, "", ""},
	{"IPv6 with an IPv4 address in it", refusal, "", ""},
	{"IPv6", refusal, "", ""},
	{"Host header of another host", "400.*NOT_CANONICAL", "", ""},
	{"absolute target of another host", "400.*NOT_CANONICAL", "", ""},
	{"two Host headers", "400", "", ""},
	{"CONNECT within TLS", "(400|403|405)", "", ""},
	{"CONNECT to the sidecar's own listener", refusal, "", ""},
	// Pods have no addresses of IPv6 here but those that devices give themselves, by which no pod reaches another, with or without a
	// sidecar. What the rules do with IPv6 is tried in network namespaces (internal/capture).
	{"IPv6: what the pod has", "^on (eth0: fe80, )?lo: 0000; routes: ", "", ""},
	{"IPv6: a pod of the register by its link-local address", "it has none|TimeoutError|" + refusal, "", ""},
	{"UDP 443", "PermissionError|ConnectionRefusedError", "", ""},
	// Nothing covers these (docs/threat-model.md).
	{"QUIC on another port", "^answered: version negotiation", "", ""},
	{"data in a question to the name server", "^answered: code [0-9]", "", ""},
	{"data in pings", "^answered: [0-9]+ bytes|PermissionError", "", ""},
	{"register: its declared name", noPolicy, "", noPolicy},
	{"register: its name with .svc", noPolicy, "", noPolicy},
	{"register: its full name", noPolicy, "", noPolicy},
	{"register: its full name with a dot behind", noPolicy, "", ""},
	{"register: its name in capitals", noPolicy, "", noPolicy},
	{"register: its name in letters that look alike", "400", "", ""},
	{"register: its address under its name", noPolicy, "", everybody},
	{"register: its address under another name", "400.*NOT_CANONICAL", "", everybody},
	{"register: its address under no name", "400.*NOT_CANONICAL", "", everybody},
	{"register: its address mapped into IPv6", "400.*NOT_CANONICAL", "", everybody},
	{"register: another port of its address", "403.*HOST_UNDECLARED", "", ""},
	{"register: CONNECT", "400.*NOT_CANONICAL", "", ""},
	{"register: its URL in absolute form", "400.*NOT_CANONICAL", "", everybody},
	{"register: no HTTP", refusal, "", ""},
	{"register: a pod with its name in the own namespace", noPolicy, "", ""},
	{"register: a pod of it", "400.*NOT_CANONICAL", "", everybody},
	{"register: a pod of it, under its name", noPolicy, "", everybody},
	{"register: another port of a pod of it, under its name", "403.*HOST_UNDECLARED", "", ""},
	{"register: a headless Service of its pods", "400.*NOT_CANONICAL", "", everybody},
	{"register: another Service of its pods", "400.*NOT_CANONICAL", "", everybody},
	{"SCTP", "Error", "", "Error"},
	{"raw packets", "PermissionError", "", "PermissionError"},
	{"a user namespace of its own", "no user namespace", "", ""},
	{"flushing the rules", "exit code 1: .*not permitted", "", ""},
	{"becoming the sidecar's user", "PermissionError", "", ""},
	{"becoming root", "PermissionError", "", ""},
	{"killing the sidecar", "processes of the sidecar: 0", "", ""},
	{"reading keys and tokens", "private keys: 0, tokens: 0", "", ""},
	{"asking the sidecar's admin port", "answers: ", "", ""},
}

const (
	noPolicy = "403.*NO_POLICY"
	// everybody is what whoever gets around sees.
	everybody = "^HTTP/1.[01] 200 OK: everybody"
)

// refusal is an answer or an error by which nothing got further than the sidecar.
const refusal = `^HTTP/1.1 (400|403|421|503)|SSLError|SSLEOFError|ConnectionRefusedError|ConnectionResetError|closed without a word|Network is unreachable|No route to host|PermissionError`

// attemptServices are ways around that an application team, or a platform team by mistake, may make: other Services of the same pods, and a pod
// that has the name of a governed service in the application's own namespace.
const attemptServices = `
apiVersion: v1
kind: Service
metadata: {name: free, namespace: esp}
spec: {selector: {app: vendor}, ports: [{port: 443, targetPort: 8443}]}
---
apiVersion: v1
kind: Service
metadata: {name: headless, namespace: crm}
spec: {clusterIP: None, selector: {app: crm}, ports: [{port: 8080, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: another, namespace: crm}
spec: {selector: {app: crm}, ports: [{port: 8888, targetPort: http}]}
---
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
kind: Namespace
metadata:
  name: shielded
  labels: {consent.optup.dev/mode: enforce, pod-security.kubernetes.io/enforce: restricted}
`

func attemptPolicy(name, ungoverned string) string {
	return strings.NewReplacer("NAME", name, "UNGOVERNED", ungoverned).Replace(`
apiVersion: consent.optup.dev/v1alpha1
kind: ConsentPolicy
metadata: {name: NAME, namespace: marketing}
spec:
  targetRefs: [{kind: Pod, name: NAME}]
  ungoverned: UNGOVERNED
  rules:
  - {name: newsletter, purpose: newsletter, service: {namespace: esp, name: sendgrid}, endpoints: [mail-send]}
  - {name: contacts, purpose: profile-view, service: {namespace: esp, name: sendgrid}, endpoints: [contacts-sample], onMissing: DropRecord}
`)
}

// attacker tries everything and stays, for more attempts.
func attacker(ctx context.Context, namespace, name string) *corev1.Pod {
	GinkgoHelper()
	service := &corev1.Service{}
	Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: "esp", Name: "vendor"}, service)).To(Succeed())
	pod, err := r.Pod(ctx, "esp", road.App("vendor"))
	Expect(err).NotTo(HaveOccurred())
	register := &corev1.Service{}
	Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: "crm", Name: "customers"}, register)).To(Succeed())
	registerPod, err := r.Pod(ctx, "crm", road.App("crm"))
	Expect(err).NotTo(HaveOccurred())
	p := clientPod(namespace, realClient{name, "client-debian", []string{
		"/bin/sh", "-c", "/usr/bin/python3 /app/attempts.py; echo done; exec /usr/bin/python3 -c 'import time; time.sleep(1e6)'",
	}}, someone())
	p.Spec.InitContainers = nil // which would send what an attacker has to be seen not to send
	p.Spec.Containers[0].Env = append(p.Spec.Containers[0].Env,
		corev1.EnvVar{Name: "SERVICE", Value: service.Spec.ClusterIP}, corev1.EnvVar{Name: "POD", Value: pod.Status.PodIP}, corev1.EnvVar{Name: "UID", Value: fmt.Sprint(inject.ReservedID)},
		corev1.EnvVar{Name: "REGISTER", Value: register.Spec.ClusterIP}, corev1.EnvVar{Name: "REGISTER_POD", Value: registerPod.Status.PodIP},
		corev1.EnvVar{Name: "REGISTER_POD6", Value: linkLocal(registerPod)})
	return p
}

func observations(ctx context.Context, namespace, name string) map[string]string {
	GinkgoHelper()
	var out string
	err := r.Until(ctx, 3*time.Minute, name+" has tried everything", func(ctx context.Context) (bool, error) {
		var err error
		out, err = r.Logs(ctx, namespace, road.App(name), "app")
		// What went to standard error may be logged behind it: the two are pipes of their own.
		return strings.Contains(out, "\ndone\n"), err
	})
	Expect(err).NotTo(HaveOccurred(), out)
	Expect(out).NotTo(ContainSubstring(vendor.Key))
	seen := map[string]string{}
	for line := range strings.Lines(out) {
		var o struct{ Attempt, Observed string }
		if json.Unmarshal([]byte(line), &o) == nil {
			seen[o.Attempt] = o.Observed
		}
	}
	return seen
}

// inPod runs a program in the app of a pod of the namespace marketing.
func inPod(ctx context.Context, pod string, args ...string) string {
	GinkgoHelper()
	return execIn(ctx, podOf("marketing", pod), "app", args...)
}

// execIn runs a program in a container and gives what it printed, errors included.
func execIn(ctx context.Context, p *corev1.Pod, container string, args ...string) string {
	out, _ := kubectl(ctx, p, container, args...).CombinedOutput()
	return string(out)
}

func kubectl(ctx context.Context, p *corev1.Pod, container string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, filepath.Join(r.Root, "bin/cluster/kubectl"), slices.Concat([]string{"exec", "-n", p.Namespace, p.Name, "-c", container, "--"}, args)...)
}

// admissions are attempts that end at the API server.
var admissions = []struct {
	name, want string
	try        func(context.Context) error
}{
	{"a pod that runs as the sidecar's user", "reserved for the sidecar", create(func(s *corev1.PodSpec) { id := int64(inject.ReservedID); s.SecurityContext.RunAsUser = &id })},
	{"a pod whose containers see each other's processes", "shareProcessNamespace", create(func(s *corev1.PodSpec) { yes := true; s.ShareProcessNamespace = &yes })},
	{"a pod on the host's network", "hostNetwork", create(func(s *corev1.PodSpec) { s.HostNetwork = true })},
	{"a pod that may change the network's rules", "NET_ADMIN", create(func(s *corev1.PodSpec) {
		s.Containers[0].SecurityContext = &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_ADMIN"}}}
	})},
	{"a privileged pod", "privileged", create(func(s *corev1.PodSpec) {
		yes := true
		s.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: &yes}
	})},
	{"a pod that mounts the sidecar's tokens", inject.TokensVolume, create(func(s *corev1.PodSpec) {
		s.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: inject.TokensVolume, MountPath: "/tokens"}}
	})},
	{"a pod with a token for the manager", inject.ManagerAudience, create(func(s *corev1.PodSpec) {
		s.Volumes = []corev1.Volume{{Name: "own", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: inject.ManagerAudience, Path: "token"}},
		}}}}}
	})},
	{"an ephemeral container as the sidecar's user", "reserved for the sidecar", debug(func(e *corev1.EphemeralContainer) {
		id := int64(inject.ReservedID)
		e.SecurityContext = &corev1.SecurityContext{RunAsUser: &id}
	})},
	{"an ephemeral container that sees the sidecar's processes", "processes of " + inject.SidecarName, debug(func(e *corev1.EphemeralContainer) { e.TargetContainerName = inject.SidecarName })},
	{"an ephemeral container that may change the rules", "NET_ADMIN", debug(func(e *corev1.EphemeralContainer) {
		e.SecurityContext = &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_ADMIN"}}}
	})},
	{"an ephemeral container that mounts the sidecar's tokens", inject.TokensVolume, debug(func(e *corev1.EphemeralContainer) {
		e.VolumeMounts = []corev1.VolumeMount{{Name: inject.TokensVolume, MountPath: "/tokens"}}
	})},
}

func create(change func(*corev1.PodSpec)) func(context.Context) error {
	return func(ctx context.Context) error {
		return r.Create(ctx, pause("marketing", "refused", change), &client.CreateOptions{DryRun: []string{"All"}})
	}
}

func debug(change func(*corev1.EphemeralContainer)) func(context.Context) error {
	return func(ctx context.Context) error {
		var p corev1.Pod
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: "marketing", Name: "attacker"}, &p); err != nil {
			return err
		}
		e := corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug", Image: r.Image("shop")}}
		change(&e)
		p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, e)
		return r.SubResource("ephemeralcontainers").Update(ctx, &p, &client.SubResourceUpdateOptions{UpdateOptions: client.UpdateOptions{DryRun: []string{"All"}}})
	}
}
