package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/shop"
)

const clubList = "/v1/customers?per_page=100"

// The club is a register of the shop that we run, with a sidecar at its door. Its program gives everybody to anybody.
var _ = Describe("a service that we run", Ordered, func() {
	t := &table{title: "own services in pods"}
	var door string
	var reader, stranger, outsider, report *corev1.Pod
	BeforeAll(func(ctx SpecContext) {
		Expect(r.ApplyYAML(ctx, clubWorld)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			for _, o := range []client.Object{
				namespaceOf("loyalty"), namespaceOf("partner"), &v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "reader"}},
				podOf("marketing", "reader"), podOf("marketing", "stranger"), podOf("crm", "outsider"),
			} {
				Expect(client.IgnoreNotFound(r.Delete(ctx, o, client.GracePeriodSeconds(0)))).To(Succeed())
			}
		})
		Expect(r.Allow(ctx, "profile-view", "partner")).To(Succeed())
		Expect(r.Ready(ctx, "loyalty", "club")).To(Succeed())
		club, err := r.Pod(ctx, "loyalty", map[string]string{"app": "club"})
		Expect(err).NotTo(HaveOccurred())
		door = club.Status.PodIP + ":8080"
		for _, x := range []struct {
			into            **corev1.Pod
			namespace, name string
		}{{&reader, "marketing", "reader"}, {&stranger, "marketing", "stranger"}, {&outsider, "crm", "outsider"}, {&report, "partner", "report"}} {
			*x.into = runs(ctx, x.namespace, x.name)
		}
	}, NodeTimeout(3*time.Minute))
	AfterAll(func() { t.print() })
	ok := func(who, what, answer string, holds bool) {
		GinkgoHelper()
		t.add(who, what, inShort(answer), wrongUnless(holds, inShort(answer)))
	}

	It("gives a governed caller those whom its policy permits, and nobody anybody else", func(ctx SpecContext) {
		permitted := 0
		for _, p := range shop.People(seed, people)[:100] {
			if truth.ProfileView[p.Email] {
				permitted++
			}
		}
		Expect(permitted).To(BeNumerically(">", 5))
		allowed := func(answer string) bool {
			return strings.HasPrefix(answer, "200 ") && strings.Count(answer, `"email"`) == permitted && !strings.Contains(answer, `"health"`) && !strings.Contains(answer, `"total"`)
		}
		var answer string
		// Sidecars that have just started may not know yet what people agreed to.
		Eventually(func() bool { answer = curl(ctx, reader, clubList); return allowed(answer) }).WithContext(ctx).WithTimeout(30*time.Second).WithPolling(500*time.Millisecond).Should(BeTrue(), func() string { return inShort(answer) })
		ok("reader", "governed, by its Service's name", answer, true)
		n := countOf(ctx, reader, `optup_sidecar_connections_total{outcome="delegated"}`)
		t.add("reader", "its own sidecar", "left the decision to the service's", wrongUnless(n > 0, n))
		club, err := r.Pod(ctx, "loyalty", map[string]string{"app": "club"})
		Expect(err).NotTo(HaveOccurred())
		n = countOf(ctx, club, `optup_sidecar_connections_total{outcome="caller-proven"}`)
		t.add("club", "its sidecar", "knew the caller by mutual TLS", wrongUnless(n > 0, n))
		answer = curl(ctx, reader, clubList, "-H", "OptUp-Purpose: newsletter")
		ok("reader", "says that it is for another purpose", answer, inShort(answer) == "403 PURPOSE_UNDECLARED")
		answer = curl(ctx, reader, "/v1/clicks")
		ok("reader", "asks for what it has no rule about", answer, strings.HasPrefix(inShort(answer), "403 "))
		answer = curl(ctx, stranger, clubList)
		ok("stranger", "governed, without a rule", answer, inShort(answer) == "403 NO_POLICY")

		answer = curl(ctx, outsider, clubList)
		ok("outsider", "without a sidecar, by the Service's name", answer, inShort(answer) == "403 CALLER_UNKNOWN")
		answer = curl(ctx, outsider, "http://"+door+clubList)
		ok("outsider", "by the pod's address", answer, inShort(answer) == "403 CALLER_UNKNOWN")
		answer = curl(ctx, outsider, "http://"+door+"/v1/clicks")
		ok("outsider", "what nobody declared", answer, inShort(answer) == "403 CALLER_UNKNOWN")
		answer = curl(ctx, outsider, "/healthz")
		ok("outsider", "what is declared as not personal", answer, strings.HasPrefix(answer, "404 ")) // the program has no such page, and says so

		bearer := func(file string) []string { return []string{"-H", "OptUp-Caller-Token: " + readIn(ctx, report, file)} }
		answer = curl(ctx, report, clubList)
		ok("report", "without a sidecar, without its token", answer, inShort(answer) == "403 CALLER_UNKNOWN")
		Eventually(func() bool {
			answer = curl(ctx, report, clubList, bearer("/tokens/service")...)
			return allowed(answer)
		}).WithContext(ctx).WithTimeout(30*time.Second).WithPolling(500*time.Millisecond).Should(BeTrue(), func() string { return inShort(answer) })
		ok("report", "with its token for services", answer, true)
		answer = curl(ctx, report, clubList, bearer("/tokens/vault")...)
		ok("report", "with a token for somebody else", answer, inShort(answer) == "403 CALLER_UNKNOWN")
		answer = curl(ctx, outsider, clubList, bearer("/tokens/service")...)
		ok("outsider", "with the report's token: it is a bearer's", answer, allowed(answer))
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(2*time.Minute))

	It("is not deceived with the certificate of another pod's sidecar", func(ctx SpecContext) {
		out := execIn(ctx, reader, inject.SidecarName, "/bin/sh", "-c", "cat /proc/1/mem")
		t.add("exec", "a shell in the reader's sidecar", "there is none", wrongUnless(strings.Contains(out, "no such file"), out))
		out = execIn(ctx, reader, "app", "/usr/bin/python3", "-c", lookForKeys)
		t.add("reader", "keys and tokens that its program can read", strings.TrimSpace(out), wrongUnless(strings.TrimSpace(out) == "0 of its files", out, " "))

		for name, held := range map[string]string{"no token": "", "the report's token for services": token(ctx, report, identity.ProviderAudience), "a token for the ledger": token(ctx, reader, inject.LedgerAudience)} {
			_, err := pose(ctx, held)
			t.add("stream", "a certificate for "+name, fmt.Sprint(err), wrongUnless(err != nil && strings.Contains(err.Error(), "unauthenticated"), err))
		}
		for name, p := range map[string]*corev1.Pod{"outsider": outsider, "report": report} {
			_, err := pose(ctx, token(ctx, p, inject.ManagerAudience))
			t.add("stream", "a certificate for a pod without a sidecar, "+name, fmt.Sprint(err), wrongUnless(err != nil && strings.Contains(err.Error(), "no running pod"), err))
		}

		// What is left is to have the reader's token made, which is as good as running its pod.
		got, err := pose(ctx, token(ctx, reader, inject.ManagerAudience))
		Expect(err).NotTo(HaveOccurred())
		Expect(got.certificate.Certificate).NotTo(BeEmpty())
		Expect(got.grant).NotTo(BeEmpty())
		for name, event := range map[string]string{"takes back": `"type":"withdrawn","purpose":"profile-view"`, "gives": `"type":"given","purpose":"profile-view","notice":"profile-v1"`} {
			answer := tell(ctx, token(ctx, reader, inject.LedgerAudience), got.grant, "loyalty/club", event)
			t.add("ledger", "the reader's token and grant: somebody "+name, answer, wrongUnless(strings.HasPrefix(answer, "403 ") || strings.HasPrefix(answer, "400 "), answer))
		}
		answer := tell(ctx, token(ctx, reader, inject.LedgerAudience), "", "loyalty/club", `"type":"withdrawn","purpose":"profile-view"`)
		t.add("ledger", "the reader's token without a grant", answer, wrongUnless(strings.HasPrefix(answer, "40"), answer))

		dial := from("outsider", "/usr/bin/python3")
		own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		Expect(err).NotTo(HaveOccurred())
		answer = dial.showing(tls.Certificate{Certificate: got.certificate.Certificate, PrivateKey: own}).get(ctx, door, clubList)
		t.add("outsider", "replays the reader's certificate, without its key", answer, wrongUnless(strings.Contains(answer, "tls: "), answer))
		answer = dial.showing(tls.Certificate{}).get(ctx, door, clubList)
		ok("outsider", "TLS without a certificate", answer, inShort(answer) == "403 CALLER_UNKNOWN")
		mine, err := pose(ctx, token(ctx, stranger, inject.ManagerAudience))
		Expect(err).NotTo(HaveOccurred())
		answer = dial.showing(mine.certificate).get(ctx, door, clubList)
		ok("outsider", "certificate and key of who has no rule", answer, inShort(answer) == "403 NO_POLICY")
		answer = dial.showing(got.certificate).get(ctx, door, clubList)
		ok("outsider", "certificate and key, by a token that was made for it", answer, strings.HasPrefix(answer, "200 ")) // docs/threat-model.md says so
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(time.Minute))

	It("says who calls, and is closed to everybody else if that is wanted", func(ctx SpecContext) {
		service := &v1alpha1.DataService{}
		var who []string
		// A sidecar tells every 20 seconds, and status is written anew every minute.
		Eventually(func(g Gomega) {
			g.Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: "loyalty", Name: "club"}, service)).To(Succeed())
			who = nil
			for _, c := range service.Status.Callers {
				who = append(who, fmt.Sprintf("%s/%s %s %s", c.Namespace, c.Workload, c.Proof, c.GovernedOnly))
			}
			for _, want := range []string{"crm/Pod/outsider None ShutOut", "partner/Pod/report Token ShutOut", "marketing/Pod/reader Certificate LetIn"} {
				g.Expect(who).To(ContainElement(want))
			}
		}).WithContext(ctx).WithTimeout(2 * time.Minute).WithPolling(500 * time.Millisecond).Should(Succeed())
		for _, one := range who {
			t.add("status", "callers", one, "")
		}
		answer := curl(ctx, outsider, "http://"+strings.Replace(door, "8080", "8081", 1)+"/stats")
		ok("outsider", "another port of the pod, while it is open", answer, strings.HasPrefix(answer, "200 "))
		Expect(r.Patch(ctx, service, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"access":"GovernedOnly"}}`)))).To(Succeed())
		var policy networkingv1.NetworkPolicy
		Eventually(func(g Gomega) {
			g.Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: "loyalty", Name: "optup-access-club"}, &policy)).To(Succeed())
			g.Expect(r.Client.Get(ctx, client.ObjectKeyFromObject(service), service)).To(Succeed())
			g.Expect(meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionAccessClosed)).To(BeTrue())
		}).WithContext(ctx).WithTimeout(30 * time.Second).WithPolling(200 * time.Millisecond).Should(Succeed())
		// The local cluster's network keeps to it within a moment.
		for _, x := range []struct {
			who *corev1.Pod
			url string
		}{{outsider, "http://" + door + clubList}, {outsider, clubList}, {outsider, "http://" + strings.Replace(door, "8080", "8081", 1) + "/stats"}, {report, clubList}} {
			Eventually(func() string { answer = curl(ctx, x.who, x.url); return answer }).WithContext(ctx).WithTimeout(20*time.Second).WithPolling(200*time.Millisecond).Should(HavePrefix("000 "), x.url)
			t.add(x.who.Name, "closed: "+strings.NewReplacer(door, "pod:8080", strings.Replace(door, "8080", "8081", 1), "pod:8081").Replace(x.url), answer, "")
		}
		answer = curl(ctx, reader, clubList)
		ok("reader", "closed: a governed caller that may refer to it", answer, strings.HasPrefix(answer, "200 "))
		let, err := json.Marshal(policy.Spec.Ingress)
		Expect(err).NotTo(HaveOccurred())
		t.add("object", "NetworkPolicy of GovernedOnly", string(let), wrongUnless(strings.Contains(string(let), `"port":8080`) && !strings.Contains(string(let), "crm"), string(let)))
		Expect(r.Patch(ctx, service, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"access":"Open"}}`)))).To(Succeed())
		Eventually(func() string { answer = curl(ctx, outsider, "http://"+door+clubList); return inShort(answer) }).WithContext(ctx).WithTimeout(30 * time.Second).WithPolling(200 * time.Millisecond).Should(Equal("403 CALLER_UNKNOWN"))
		ok("outsider", "open again", answer, true)
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(4*time.Minute))

	It("is open where somebody takes its pod's rules away, and governed callers are not", func(ctx SpecContext) {
		club, err := r.Pod(ctx, "loyalty", map[string]string{"app": "club"})
		Expect(err).NotTo(HaveOccurred())
		flush(ctx, club.Name, "/shop")
		answer := curl(ctx, outsider, "http://"+door+clubList)
		ok("node", "flushed the rules: the outsider by the pod's address", answer, strings.HasPrefix(answer, "200 ")) // docs/threat-model.md says so
		all := strings.Count(answer, `"email"`)
		Eventually(func() string { answer = curl(ctx, reader, clubList); return answer }).WithContext(ctx).WithTimeout(30 * time.Second).WithPolling(500 * time.Millisecond).Should(HavePrefix("200 "))
		n := strings.Count(answer, `"email"`)
		ok("reader", "by its own sidecar, since nobody proves to be the service's", answer, n > 5 && n < all)
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(time.Minute))
})

// flush takes away the rules of a pod's network, as whoever has privileges on its node can.
func flush(ctx context.Context, pod, program string) {
	GinkgoHelper()
	Expect(within(processes(program, pod)[0], func() error {
		out, err := exec.CommandContext(ctx, "nft", "flush", "ruleset").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})).To(Succeed())
}

// runs waits until a pod is ready.
func runs(ctx context.Context, namespace, name string) *corev1.Pod {
	GinkgoHelper()
	p := &corev1.Pod{}
	Eventually(func(g Gomega) {
		g.Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, p)).To(Succeed())
		g.Expect(p.Status.Conditions).To(ContainElement(And(HaveField("Type", corev1.PodReady), HaveField("Status", corev1.ConditionTrue))))
	}).WithContext(ctx).WithTimeout(time.Minute).WithPolling(200 * time.Millisecond).Should(Succeed())
	return p
}

// curl asks the club from within a pod, and gives the status with the answer. A path is one of the club's Service.
func curl(ctx context.Context, p *corev1.Pod, url string, more ...string) string {
	if strings.HasPrefix(url, "/") {
		url = "http://club.loyalty.svc.cluster.local" + url
	}
	out := execIn(ctx, p, "app", slices.Concat([]string{"/usr/bin/curl", "-s", "-S", "-m", "10", "-w", "\n%{http_code}"}, more, []string{url})...)
	part := statusOf.FindStringSubmatch(out)
	if part == nil {
		return "000 " + out
	}
	return part[2] + " " + part[1] + part[3]
}

// statusOf finds the status behind an answer, and what curl says besides.
var statusOf = regexp.MustCompile(`(?s)^(.*)\n([0-9]{3})(.*)$`)

func readIn(ctx context.Context, p *corev1.Pod, file string) string {
	return strings.TrimSpace(execIn(ctx, p, "app", "/usr/bin/python3", "-c", "print(open('"+file+"').read())"))
}

// countOf is the value of a series of a pod's sidecar.
func countOf(ctx context.Context, p *corev1.Pod, series string) (n int) {
	GinkgoHelper()
	var text string
	Expect(r.Ask(ctx, p, inject.AdminPort, "/metrics", &text)).To(Succeed())
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, series+" "); found {
			_, err := fmt.Sscan(value, &n)
			Expect(err).NotTo(HaveOccurred())
		}
	}
	return n
}

// lookForKeys reads what a program can read outside of its image, and counts the files with private keys and tokens.
const lookForKeys = `
import os
found = seen = 0
for top in ("/var", "/etc", "/run", "/tmp", "/dev/shm", "/proc/1", "/tokens"):
    for folder, below, names in os.walk(top):
        if "/task" in folder or "/net" in folder:
            below[:] = []
        for name in names:
            path = os.path.join(folder, name)
            try:
                if not os.path.isfile(path) or "/fd/" in path or "/map_files/" in path:
                    continue
                with open(path, "rb") as f:
                    data = f.read(1 << 20)
            except OSError:
                continue
            seen += 1
            found += b"PRIVATE KEY" in data or data.startswith(b"eyJ")
print("%d of %s" % (found, "its files" if seen > 20 else seen))
`

var clubWorld = `
apiVersion: v1
kind: Namespace
metadata: {name: loyalty, labels: {consent.optup.dev/mode: enforce}}
---
apiVersion: v1
kind: Namespace
metadata: {name: partner}
---
apiVersion: consent.optup.dev/v1alpha1
kind: DataService
metadata: {name: club, namespace: loyalty}
spec:
  hosts: [club.loyalty.svc.cluster.local, club.loyalty.svc]
  ports: [{port: 80, protocol: HTTP}]
  party: {role: Processor}
  allowedNamespaces: {names: [marketing, partner]}
  workloads: {selector: {matchLabels: {app: club}}, ports: [{port: 80, targetPort: 8080}]}
  endpoints:
  - {name: health, methods: [GET], path: /healthz, personalData: None}
  - name: list
    methods: [GET]
    path: /v1/customers
    processing: [show]
    query: [{name: page}, {name: per_page}]
    response:
      records:
        each: /customers/*
        identifier: /email
        type: email
        fields:
        - {pointer: /email, category: pd:EmailAddress}
        - {pointer: /name, category: pd:Name}
        - {pointer: /orders, category: pd:Purchase}
        - {pointer: /health, category: pd:MedicalHealth}
        notPersonal: [/id]
      notPersonal: [/page, /next]
      totals: [/total]
---
apiVersion: consent.optup.dev/v1alpha1
kind: ConsentPolicy
metadata: {name: reader, namespace: marketing}
spec:
  targetRefs: [{kind: Pod, name: reader}]
  rules: [{name: club, purpose: profile-view, service: {namespace: loyalty, name: club}, endpoints: [list], onMissing: DropRecord}]
---
apiVersion: consent.optup.dev/v1alpha1
kind: ConsentPolicy
metadata: {name: report, namespace: partner}
spec:
  targetRefs: [{kind: Pod, name: report}]
  rules: [{name: club, purpose: profile-view, service: {namespace: loyalty, name: club}, endpoints: [list], onMissing: DropRecord}]
---
apiVersion: v1
kind: Service
metadata: {name: club, namespace: loyalty}
spec: {selector: {app: club}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: club, namespace: loyalty}
spec:
  strategy: {type: Recreate}
  selector: {matchLabels: {app: club}}
  template:
    metadata: {labels: {app: club}}
    spec:` + security + `
      containers:
      - name: club
        image: 127.0.0.1:5001/optup/shop:dev
        args: [crm]
        readinessProbe: {httpGet: {path: /healthz, port: 8081}, periodSeconds: 1}
---
` + strings.Join([]string{idle("marketing", "reader", ""), idle("marketing", "stranger", ""), idle("crm", "outsider", ""), idle("partner", "report", tokens)}, "---")

// idle is a pod that does what it is told.
func idle(namespace, name, more string) string {
	return strings.NewReplacer("NAMESPACE", namespace, "NAME", name, "MORE", more).Replace(`
apiVersion: v1
kind: Pod
metadata: {name: NAME, namespace: NAMESPACE, labels: {app: NAME}}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 0
  securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: app
    image: 127.0.0.1:5001/optup/client-debian:e2e
    command: [/usr/bin/python3, -c, "import time; time.sleep(1e6)"]
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
MORE`)
}

const tokens = `    volumeMounts: [{name: tokens, mountPath: /tokens, readOnly: true}]
  volumes:
  - name: tokens
    projected:
      sources:
      - serviceAccountToken: {audience: optup-provider, path: service, expirationSeconds: 600}
      - serviceAccountToken: {audience: vault, path: vault, expirationSeconds: 600}
`
