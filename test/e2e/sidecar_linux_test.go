package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/test/road"
)

// What is tried against the sidecar itself, and what is left of enforcement then. What needs a node, or privileges that admission refuses
// in governed namespaces, is done by the node.
var _ = Describe("attempts against the sidecar", Ordered, func() {
	t := &table{title: "attempts against the sidecar"}
	var p *corev1.Pod
	var register, registerPod string
	BeforeAll(func(ctx SpecContext) {
		openVendor(ctx)
		Expect(r.ApplyYAML(ctx, attemptPolicy("breaker", "{action: Deny}"))).To(Succeed())
		Expect(r.ApplyYAML(ctx, idle("marketing", "breaker", ""))).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			Expect(client.IgnoreNotFound(r.Delete(ctx, podOf("marketing", "breaker"), client.GracePeriodSeconds(0)))).To(Succeed())
		})
		p = runs(ctx, "marketing", "breaker")
		var service corev1.Service
		Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: "crm", Name: "customers"}, &service)).To(Succeed())
		pod, err := r.Pod(ctx, "crm", road.App("crm"))
		Expect(err).NotTo(HaveOccurred())
		register, registerPod = service.Spec.ClusterIP, pod.Status.PodIP
	}, NodeTimeout(2*time.Minute))
	AfterAll(func() { t.print() })

	// tried has the program try on and on for some seconds while something happens, and gives what it observed, each with how often.
	tried := func(ctx context.Context, seconds int, while func()) map[string]int {
		GinkgoHelper()
		program := kubectl(ctx, p, "app", "/usr/bin/python3", "-c", tries, fmt.Sprint(seconds), register, registerPod, vendorAddress(ctx), someone().refused)
		out, err := program.StdoutPipe()
		Expect(err).NotTo(HaveOccurred())
		Expect(program.Start()).To(Succeed())
		lines := json.NewDecoder(out)
		var first string
		Expect(lines.Decode(&first)).To(Succeed()) // it has begun
		while()
		seen := map[string]int{}
		Expect(lines.Decode(&seen)).To(Succeed())
		Expect(program.Wait()).To(Succeed())
		return seen
	}
	arrived := func(ctx context.Context) int {
		GinkgoHelper()
		n := 0
		all, err := vendor.Requests(ctx)
		Expect(err).NotTo(HaveOccurred())
		for _, x := range all {
			if x.Mail != nil {
				n++
			}
		}
		return n
	}
	told := func(seen map[string]int) string {
		text, _ := json.Marshal(seen)
		return strings.NewReplacer(`"`, "", "{", "", "}", "", ",", ", ", ":", " ").Replace(string(text))
	}

	It("that kill it get nothing through while it is away, nor afterwards", func(ctx SpecContext) {
		seen := tried(ctx, 8, func() { signal(processes("/sidecar", p.Name), syscall.SIGKILL) })
		t.add("node", "kills the sidecar, the program tries on", told(seen), wrongUnless(seen["everybody"] == 0 && seen["away"] > 0 && seen["denied"] > 0 && arrived(ctx) == 0, told(seen)))
		Eventually(func() int32 {
			Expect(r.Client.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
			for _, s := range p.Status.InitContainerStatuses {
				if s.Name == inject.SidecarName && s.Started != nil && *s.Started {
					return s.RestartCount
				}
			}
			return 0
		}).WithContext(ctx).WithTimeout(time.Minute).Should(BeEquivalentTo(1))
		seen = tried(ctx, 2, func() {})
		t.add("kubelet", "has started it again", told(seen), wrongUnless(seen["everybody"] == 0 && seen["away"] == 0 && seen["denied"] > 0, told(seen)))
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(2*time.Minute))

	It("that stop it without killing it get nothing through", func(ctx SpecContext) {
		var pids []int
		seen := tried(ctx, 6, func() {
			pids = processes("/sidecar", p.Name)
			signal(pids, syscall.SIGSTOP)
		})
		signal(pids, syscall.SIGCONT)
		t.add("node", "stops the sidecar, the program tries on", told(seen), wrongUnless(seen["everybody"] == 0 && seen["silence"] > 0 && arrived(ctx) == 0, told(seen)))
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(2*time.Minute))

	It("that flush the rules from the node leave what does not rest on them", func(ctx SpecContext) {
		flush(ctx, p.Name, "/sidecar")
		// Nothing notices, and the register, which takes no credential and has no sidecar, is open: whoever reaches the node is trusted.
		seen := tried(ctx, 2, func() {})
		t.add("node", "flushes the rules of the pod", told(seen), wrongUnless(seen["everybody"] > 0, told(seen)))
		all, err := vendor.Requests(ctx)
		Expect(err).NotTo(HaveOccurred())
		refused := 0
		for _, x := range all {
			Expect(x.Key).NotTo(Equal("right"))
			if x.Status == 401 {
				refused++
			}
		}
		t.add("vendor", "whose key only sidecars have", fmt.Sprintf("%d requests, none with the key: 401", len(all)), wrongUnless(refused > 0 && refused == len(all) && arrived(ctx) == 0, all))
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(time.Minute))
})

func vendorAddress(ctx context.Context) string {
	GinkgoHelper()
	var service corev1.Service
	Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: "esp", Name: "vendor"}, &service)).To(Succeed())
	return service.Spec.ClusterIP
}

// tries goes for the register and the vendor by all ways in turn, and counts what it observes.
const tries = `
import collections, json, socket, ssl, sys, time
seconds, register, pod, vendor, person = sys.argv[1:]
mail = json.dumps({"from": {"email": "post@gartenhaus.example"}, "subject": "breaker", "template_id": "d-newsletter", "personalizations": [{"to": [{"email": person}]}]})

def heard(s, ask):
    s.sendall(ask)
    data = b""
    while part := s.recv(4096):
        data += part
        if len(data) > 8192:
            break
    return data

def read(address, port, host):
    with socket.create_connection((address, port), 2) as s:
        return heard(s, b"GET /v1/customers HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host)

def send():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((vendor, 443), 2) as c, context.wrap_socket(c, server_hostname="api.sendgrid.com") as s:
        return heard(s, ("POST /v3/mail/send HTTP/1.1\r\nHost: api.sendgrid.com\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(mail), mail)).encode())

ways = [lambda: read("customers.crm.svc.cluster.local", 80, b"customers.crm"), lambda: read(register, 80, b"customers.crm"), lambda: read(pod, 8080, b"customers.crm"), send]
seen, end, n = collections.Counter(), time.monotonic() + int(seconds), 0
print('"begun"', flush=True)
while time.monotonic() < end:
    n += 1
    try:
        answer = ways[n % len(ways)]()
        head = answer[:12].decode(errors="replace")
        seen["everybody" if b"@" in answer.partition(b"\r\n\r\n")[2] else "sent" if " 202" in head else "denied" if " 40" in head or " 50" in head else "silence" if not answer else head] += 1
    except TimeoutError:
        seen["silence"] += 1
    except (ConnectionError, ssl.SSLError):
        seen["away"] += 1
    except OSError as e:
        seen["silence" if "timed out" in str(e) else type(e).__name__] += 1
    time.sleep(0.02)
print(json.dumps(seen))
`
