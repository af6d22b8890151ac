package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/test/road"
)

// realClient is a program as its makers deliver it, which calls the vendor under its own name.
type realClient struct {
	name, image string
	command     []string
}

var realClients = []realClient{
	{"node", "client-node", nil},
	{"go", "client-go", nil},
	{"java", "client-java", nil},
	{"requests", "client-debian", []string{"/usr/bin/python3", "/app/client.py", "requests"}},
	{"urllib", "client-debian", []string{"/usr/bin/python3", "/app/client.py", "urllib"}},
	{"curl-h2", "client-debian", []string{"/bin/sh", "/app/client.sh", "--http2"}},
	{"curl-h1", "client-debian", []string{"/bin/sh", "/app/client.sh", "--http1.1"}},
}

// done is what a client says about one step.
type done struct {
	Step, Detail, Shown string
	Status              int
}

// written are whom the clients write to: two who agreed to the newsletter and somebody who did not.
type written struct{ allowed, also, refused string }

func someone() (w written) {
	for _, p := range list {
		switch may := truth.Newsletter[p.Email]; {
		case !may && w.refused == "":
			w.refused = p.Email
		case may && w.allowed == "":
			w.allowed = p.Email
		case may && w.also == "":
			w.also = p.Email
		}
	}
	return w
}

var vendor *road.Vendor

// openVendor brings the vendor up once for all who need it, or skips.
func openVendor(ctx context.Context) {
	GinkgoHelper()
	if c := os.Getenv("CLUSTER"); c != "" && c != "local" {
		Skip(road.ErrNoNames.Error())
	}
	if vendor == nil {
		var err error
		vendor, err = r.Vendor(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(vendor.Declare(ctx, controller, "marketing", strict)).To(Succeed())
	}
	Expect(vendor.Tell(ctx, "/reset", nil)).To(Succeed())
}

// strict is a namespace that allows no privileges, so that pods in it are captured by Alias.
const strict = "marketing-strict"

var _ = Describe("real clients", Ordered, func() {
	w := written{}
	var shown, hidden []string
	BeforeAll(func(ctx SpecContext) {
		openVendor(ctx)
		w = someone()
		type contact map[string]string
		var contacts []contact
		for _, p := range list {
			if into := map[bool]*[]string{true: &shown, false: &hidden}[truth.ProfileView[p.Email]]; len(*into) < 3 {
				*into = append(*into, p.Email)
				contacts = append(contacts, contact{"id": fmt.Sprint(len(contacts)), "email": p.Email, "first_name": "Somebody", "city": "Somewhere"})
			}
		}
		Expect(vendor.Tell(ctx, "/contacts", contacts)).To(Succeed())
	})

	for _, namespace := range []string{"marketing", strict} {
		It("are governed unchanged in "+namespace, func(ctx SpecContext) {
			Expect(vendor.Tell(ctx, "/reset", nil)).To(Succeed())
			if namespace == strict {
				openStrict(ctx)
			}
			Expect(r.ApplyYAML(ctx, clientPolicies(namespace))).To(Succeed())
			for _, c := range realClients {
				Expect(r.Create(ctx, clientPod(namespace, c, w))).To(Succeed())
			}
			Expect(r.ApplyYAML(ctx, strings.ReplaceAll(bystander, "NAMESPACE", namespace))).To(Succeed())
			said := map[string][]done{}
			for _, c := range realClients {
				said[c.name] = finished(ctx, namespace, c.name)
			}
			arrived, err := vendor.Requests(ctx)
			Expect(err).NotTo(HaveOccurred())
			t := table{title: "real clients in " + namespace}
			for _, c := range realClients {
				j := judge{client: c.name, said: said[c.name], arrived: arrived, w: w, shown: shown, hidden: hidden}
				for _, s := range j.steps() {
					t.add(c.name, s.step, s.seen, s.wrong)
				}
			}
			connected := strings.TrimSpace(ended(ctx, namespace, "psql", corev1.PodSucceeded))
			t.add("psql", "query of a bystander", connected, wrongUnless(connected == "connected"))
			t.print()
			Expect(t.failed).To(BeEmpty())
			Expect(arrived).To(HaveEach(HaveField("Key", "right")), "every request has the vendor's key, which the sidecar put in")
		}, SpecTimeout(5*time.Minute))
	}

	It("never see the key, and neither does anybody else who is not meant to", func(ctx SpecContext) {
		var seen []string
		look := func(where string, text []byte) {
			if strings.Contains(string(text), vendor.Key) {
				seen = append(seen, where)
			}
		}
		lookAtPods(ctx, look)
		lookAtObjects(ctx, look)
		for _, namespace := range []string{"marketing", strict} {
			for _, c := range realClients {
				out, err := r.Logs(ctx, namespace, road.App(c.name), "app")
				Expect(err).NotTo(HaveOccurred())
				look("the log of "+c.name, []byte(out))
			}
		}
		Expect(seen).To(BeEmpty())
	}, SpecTimeout(2*time.Minute))
})

// openStrict makes the namespace, and lets the shop's purposes be used in it.
func openStrict(ctx context.Context) {
	GinkgoHelper()
	Expect(r.ApplyYAML(ctx, `
apiVersion: v1
kind: Namespace
metadata: {name: `+strict+`, labels: {pod-security.kubernetes.io/enforce: restricted, consent.optup.dev/mode: enforce}}
`)).To(Succeed())
	for _, purpose := range []string{"newsletter", "profile-view"} {
		Expect(r.Allow(ctx, purpose, "marketing", strict)).To(Succeed())
	}
}

func clientPolicies(namespace string) string {
	refs := []string{}
	for _, c := range realClients {
		refs = append(refs, "{kind: Pod, name: "+c.name+"}")
	}
	return fmt.Sprintf(`
apiVersion: consent.optup.dev/v1alpha1
kind: ConsentPolicy
metadata: {name: clients, namespace: %s}
spec:
  targetRefs: [%s]
  ungoverned: {action: Deny}
  rules:
  - name: newsletter
    purpose: newsletter
    service: {namespace: esp, name: sendgrid}
    endpoints: [mail-send]
    when: [{source: Body, name: /template_id, in: [d-newsletter]}]
    onMissing: DropAddressee
  - name: contacts
    purpose: profile-view
    service: {namespace: esp, name: sendgrid}
    endpoints: [contacts-sample]
    onMissing: DropRecord
`, namespace, strings.Join(refs, ", "))
}

// bystander is a program that speaks another protocol with a server that nobody governs.
const bystander = `
apiVersion: consent.optup.dev/v1alpha1
kind: ConsentPolicy
metadata: {name: bystander, namespace: NAMESPACE}
spec:
  targetRefs: [{kind: Pod, name: psql}]
  ungoverned: {action: Allow, hosts: [database.consent.svc.cluster.local]}
---
apiVersion: v1
kind: Pod
metadata: {name: psql, namespace: NAMESPACE, labels: {app: psql}}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: app
    image: 127.0.0.1:5001/optup/client-debian:e2e
    command: [/usr/bin/psql, "host=database.consent.svc.cluster.local user=postgres dbname=consent", -Atc, "select 'connected'"]
    env: [{name: PGPASSWORD, value: only-for-tests}, {name: PGCONNECT_TIMEOUT, value: "20"}]
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`

func clientPod(namespace string, c realClient, w written) *corev1.Pod {
	no, yes, user := false, true, int64(65532)
	closed := &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}
	p := &corev1.Pod{Spec: corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: &no, EnableServiceLinks: &no,
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: &yes, RunAsUser: &user, RunAsGroup: &user, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		// A sidecar that has just started may not know yet what people agreed to, and says 503 for so long.
		InitContainers: []corev1.Container{{
			Name: "wait", Image: r.Prefix + "optup/client-debian:" + r.Clients, SecurityContext: closed,
			Command: []string{"/usr/bin/curl", "-sS", "-f", "-o", "/tmp/contacts", "--retry", "120", "--retry-delay", "1", "https://" + road.VendorHost + "/v3/marketing/contacts"},
		}},
		Containers: []corev1.Container{{
			Name: "app", Image: r.Prefix + "optup/" + c.image + ":" + r.Clients, Command: c.command,
			SecurityContext: closed,
			Env: []corev1.EnvVar{
				{Name: "ALLOWED", Value: w.allowed},
				{Name: "ALSO", Value: w.also},
				{Name: "REFUSED", Value: w.refused},
				{Name: "NAME", Value: c.name},
				{Name: "KEY", Value: "SG.opens.nothing"},
			},
		}},
	}}
	p.Namespace, p.Name, p.Labels = namespace, c.name, road.App(c.name)
	return p
}

// ended waits until a pod has ended and gives what its app printed.
func ended(ctx context.Context, namespace, name string, want corev1.PodPhase) string {
	GinkgoHelper()
	var p corev1.Pod
	err := r.Until(ctx, 3*time.Minute, namespace+"/"+name+" has ended", func(ctx context.Context) (bool, error) {
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &p); err != nil {
			return false, err
		}
		return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed, fmt.Errorf("it is %s", p.Status.Phase)
	})
	out, logErr := r.Logs(ctx, namespace, road.App(name), "app")
	Expect(errors.Join(err, logErr)).NotTo(HaveOccurred())
	if want != "" && p.Status.Phase != want {
		return string(p.Status.Phase) + ": " + out
	}
	return out
}

// finished gives what a client says about its steps. Lines that are no JSON are what its runtime says.
func finished(ctx context.Context, namespace, name string) []done {
	GinkgoHelper()
	var all []done
	for line := range strings.Lines(ended(ctx, namespace, name, "")) {
		var d done
		if json.Unmarshal([]byte(line), &d) == nil {
			all = append(all, d)
		}
	}
	return all
}

// table is what is printed whether or not everything held.
type table struct {
	title  string
	rows   []string
	failed []string
}

func (t *table) add(who, what, seen, wrong string) {
	if len(seen) > 90 {
		seen = seen[:90] + "..."
	}
	t.rows = append(t.rows, fmt.Sprintf("%-9s  %-40s  %-12s  %s", who, what, map[bool]string{true: "ok", false: "NOT SO"}[wrong == ""], cmp.Or(wrong, seen)))
	if wrong != "" {
		t.failed = append(t.failed, who+": "+what+": "+wrong)
	}
}

func (t *table) print() {
	AddReportEntry(t.title, "\n"+strings.Join(t.rows, "\n"), ReportEntryVisibilityAlways)
}

func wrongUnless(holds bool, says ...any) string {
	if holds {
		return ""
	}
	return cmp.Or(fmt.Sprint(says...), "it was not so")
}
