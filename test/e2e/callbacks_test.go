package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/test/road"
)

const (
	controller = "Gartenhaus Grün GmbH"
	// hook is where the vendor calls the mailer, leads where a form of somebody else does.
	hook  = "http://mailer.marketing.svc.cluster.local:8080/hooks/sendgrid"
	leads = "http://mailer.marketing.svc.cluster.local:8080/hooks/leads"
)

// The mailer is a program on Node that mails by SendGrid's own SDK and takes calls on port 8080. It knows nothing of signatures, ledgers
// and sidecars. The vendor calls it from a pod of its own.
var _ = Describe("what services tell an application", Ordered, func() {
	t := &table{title: "callbacks in pods"}
	var anna, ben, cleo string
	var ledger *road.Ledger
	var said road.Call

	BeforeAll(func(ctx SpecContext) {
		openVendor(ctx)
		who := readers(3)
		anna, ben, cleo = who[0], who[1], who[2]
		var err error
		ledger, err = r.OpenLedger(ctx)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(ledger.Close)
		Expect(r.ApplyYAML(ctx, callbackWorld)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			o := metav1.ObjectMeta{Namespace: "marketing", Name: "mailer"}
			for _, x := range []client.Object{&appsv1.Deployment{ObjectMeta: o}, &corev1.Service{ObjectMeta: o}, &v1alpha1.ConsentPolicy{ObjectMeta: o}} {
				Expect(client.IgnoreNotFound(r.Delete(ctx, x))).To(Succeed())
			}
		})
		Eventually(func() error { // once the ledger knows the wording
			_, err := ledger.AppendOnce(ctx, "reactions", cleo, consent.Event{Type: consent.EventGiven, Purpose: "reactions", Notice: "reactions-v1", OccurredAt: time.Now().Add(-time.Hour)})
			return err
		}).WithContext(ctx).WithTimeout(time.Minute).WithPolling(200 * time.Millisecond).Should(Succeed())
		Expect(r.Ready(ctx, "marketing", "mailer")).To(Succeed())
		Eventually(func() []string { return sent(ctx, anna, ben, cleo) }).WithContext(ctx).WithTimeout(time.Minute).WithPolling(500 * time.Millisecond).Should(ConsistOf(anna, ben, cleo))
		taken(ctx)
	}, NodeTimeout(4*time.Minute))
	AfterAll(func() { t.print() })

	It("comes to its sidecar from its first pod on", func(ctx SpecContext) {
		Eventually(func(g Gomega) {
			c := configOf(ctx, g, "Deployment/mailer")
			captured := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionCaptured)
			g.Expect(captured).NotTo(BeNil())
			g.Expect(captured.Status).To(Equal(metav1.ConditionTrue), captured.Message)
		}).WithContext(ctx).WithTimeout(time.Minute).Should(Succeed())
	}, SpecTimeout(2*time.Minute))

	It("is filtered by what people agreed to, and their no holds for the next mail", func(ctx SpecContext) {
		before := head(ctx, ledger)
		at := time.Now().Unix()
		said = road.Call{URL: hook, At: &at, Body: events(
			told{"unsubscribe", anna, "u1"}, told{"open", ben, "o1"}, told{"click", cleo, "c1"}, told{"dance", cleo, "x1"}, told{"delivered", ben, "d1"},
		)}
		a := called(ctx, said)
		got := taken(ctx)
		t.add("vendor", "signed: unsubscribe, open, click", fmt.Sprintf("%d, %d call of the application", a.Status, len(got)), wrongUnless(a.Status == 200 && len(got) == 1, a, got))
		Expect(t.failed).To(BeEmpty())
		seen := map[string]map[string]any{}
		var records []map[string]any
		Expect(json.Unmarshal([]byte(got[0].Body), &records)).To(Succeed())
		for _, x := range records {
			seen[x["event"].(string)] = x
		}
		open, click := seen["open"], seen["click"]
		t.add("mailer", "an open without profiling consent", fmt.Sprintf("%d members, no address and no ids", len(open)),
			wrongUnless(len(open) == 2 && open["timestamp"] != nil, open))
		t.add("mailer", "a click with profiling consent", "as it came", wrongUnless(click["email"] == cleo && click["sg_event_id"] == "c1", click))
		t.add("mailer", "kinds that the policy does not take", fmt.Sprintf("%d of 5 records came", len(records)), wrongUnless(len(records) == 2, records))
		t.add("mailer", "headers of the signature", "taken out", wrongUnless(!slices.ContainsFunc(got[0].Headers, func(h string) bool { return strings.HasPrefix(h, "x-twilio") }), got[0].Headers))
		after := head(ctx, ledger)
		t.add("ledger", "what the unsubscribe became", fmt.Sprintf("%d event", after-before), wrongUnless(after == before+1, after-before, " events"))
		delete(truth.Newsletter, anna)
		t.add("SDK", "the next mail, to her and another one", "the other one alone", wrongUnless(slices.Equal(sent(ctx, anna, ben), []string{ben}), "she was written to, or he was not"))

		a = called(ctx, said)
		t.add("vendor", "the same call again", fmt.Sprintf("%d, the application is not called", a.Status), wrongUnless(a.Status == 200 && len(taken(ctx)) == 0, a))
		t.add("ledger", "what came of that", "nothing", wrongUnless(head(ctx, ledger) == after, "an event"))
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(time.Minute))

	It("is refused unless the service signed it as it came, by the one path that was declared", func(ctx SpecContext) {
		before := head(ctx, ledger)
		taken(ctx)
		sound := events(told{"unsubscribe", ben, "u2"}, told{"click", cleo, "c2"})
		old := time.Now().Add(-26 * time.Hour).Unix()
		path := func(p string) road.Call {
			return road.Call{URL: strings.Replace(hook, "/hooks/sendgrid", p, 1), Body: sound}
		}
		for _, x := range []struct {
			name string
			call road.Call
			want int
		}{
			{"a byte more than was signed", road.Call{URL: hook, Body: sound, Forge: true}, 403},
			{"no signature", road.Call{URL: hook, Body: sound, Unsigned: true}, 403},
			{"the signature of another call", road.Call{URL: hook, Body: sound, Headers: map[string]string{"X-Twilio-Email-Event-Webhook-Signature": foreign}}, 403},
			{"signed yesterday, 26 hours ago", road.Call{URL: hook, Body: sound, At: &old}, 403},
			{"PUT", road.Call{URL: hook, Body: sound, Method: http.MethodPut}, 403},
			{"/Hooks/SendGrid", path("/Hooks/SendGrid"), 400},
			{"/hooks/send%67rid", path("/hooks/send%67rid"), 400},
			{"/hooks%2Fsendgrid", path("/hooks%2Fsendgrid"), 400},
			{"//hooks/sendgrid", path("//hooks/sendgrid"), 400},
			{"/x/../hooks/sendgrid", path("/x/../hooks/sendgrid"), 400},
			{"/hooks/sendgrid/", path("/hooks/sendgrid/"), 400},
			{"/hooks/sendgrid?a=b", path("/hooks/sendgrid?a=b"), 400},
			{"/health, with X-Original-URL", road.Call{URL: path("/health").URL, Body: sound, Headers: map[string]string{"X-Original-URL": "/hooks/sendgrid"}}, 400},
		} {
			a := called(ctx, x.call)
			n := len(taken(ctx))
			t.add("vendor", x.name, fmt.Sprintf("%d %s", a.Status, reason(a.Body)), wrongUnless(a.Status == x.want && n == 0, a.Status, "; the application was called ", n, " times"))
		}
		a := called(ctx, road.Call{URL: path("/health").URL, Body: "{}", Unsigned: true})
		t.add("vendor", "a path that is no callback", fmt.Sprintf("%d, as the application answers", a.Status), wrongUnless(a.Status == 200 && a.Body == "seen" && len(taken(ctx)) == 1, a))
		t.add("ledger", "what came of all that", "nothing", wrongUnless(head(ctx, ledger) == before, "an event"))
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(time.Minute))

	It("waits for a ledger that is away, and is lost by nobody", func(ctx SpecContext) {
		before := head(ctx, ledger)
		at := time.Now().Unix()
		call := road.Call{URL: hook, At: &at, Body: events(told{"unsubscribe", ben, "u3"}, told{"click", cleo, "c3"})}
		resume := freeze(ctx)
		defer func() { resume() }()
		a := called(ctx, call)
		t.add("vendor", "an unsubscribe while the ledger is away", fmt.Sprintf("%d %s, the application is not called", a.Status, reason(a.Body)), wrongUnless(a.Status == 503 && len(taken(ctx)) == 0, a))
		resume()
		resume = func() {}
		Eventually(func() int { a = called(ctx, call); return a.Status }).WithContext(ctx).WithTimeout(30 * time.Second).WithPolling(500 * time.Millisecond).Should(Equal(200))
		t.add("vendor", "the same call once it is back", fmt.Sprintf("%d, the application is called", a.Status), wrongUnless(len(taken(ctx)) == 1, a))
		delete(truth.Newsletter, ben)
		after := head(ctx, ledger)
		t.add("ledger", "what came of both", fmt.Sprintf("%d event", after-before), wrongUnless(after == before+1, after-before, " events"))
		reached := sent(ctx, anna, ben)
		t.add("SDK", "the next mail, to those who left", "nobody", wrongUnless(len(reached) == 0, len(reached), " were written to"))
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(2*time.Minute))

	It("with a shared secret is checked by what stands in the Secret now, without a restart", func(ctx SpecContext) {
		pod, err := r.Pod(ctx, "marketing", road.App("mailer"))
		Expect(err).NotTo(HaveOccurred())
		n := 0
		lead := func(secret string) road.Answer {
			n++
			body := fmt.Sprintf(`{"email":%q,"campaign":"spring","id":"lead-%d"}`, cleo, n)
			return called(ctx, road.Call{URL: leads, Body: body, Unsigned: true, Headers: map[string]string{"X-Leads-Signature": shared(secret, body)}})
		}
		a := lead("first secret")
		t.add("leads", "before there is a Secret", fmt.Sprintf("%d, the application is not called", a.Status), wrongUnless(a.Status == 503 && len(taken(ctx)) == 0, a))
		for i, secret := range []string{"first secret", "second secret"} {
			began := time.Now()
			Expect(r.ApplyYAML(ctx, fmt.Sprintf(leadsSecret, secret))).To(Succeed())
			Eventually(func() int { a = lead(secret); return a.Status }).WithContext(ctx).WithTimeout(30 * time.Second).WithPolling(50 * time.Millisecond).Should(Equal(200))
			came := taken(ctx)
			t.add("leads", fmt.Sprintf("signed with secret %d", i+1), fmt.Sprintf("200 after %s, the application is called", time.Since(began).Round(10*time.Millisecond)),
				wrongUnless(len(came) == 1 && strings.Contains(came[0].Body, cleo), a, came))
		}
		a = lead("first secret")
		t.add("leads", "signed with the secret of before", fmt.Sprintf("%d %s", a.Status, reason(a.Body)), wrongUnless(a.Status == 403 && len(taken(ctx)) == 0, a))
		now, err := r.Pod(ctx, "marketing", road.App("mailer"))
		Expect(err).NotTo(HaveOccurred())
		restarts := 0
		for _, s := range append(now.Status.InitContainerStatuses, now.Status.ContainerStatuses...) {
			restarts += int(s.RestartCount)
		}
		t.add("leads", "the pod", fmt.Sprintf("the same one, %d restarts", restarts), wrongUnless(now.UID == pod.UID && restarts == 0, now.Name, ", ", restarts, " restarts"))
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(2*time.Minute))

	It("names no person in what OptUp writes, and no secret", func(ctx SpecContext) {
		size, found := 0, map[string]bool{}
		look := func(where string, text []byte) {
			size += len(text)
			for _, word := range []string{anna, ben, cleo, "first secret", "second secret"} {
				if strings.Contains(string(text), word) {
					found[where] = true
				}
			}
		}
		lookAtPods(ctx, look)
		lookAtObjects(ctx, look)
		t.add("all", "people and secrets in logs, metrics, bundles", fmt.Sprintf("none in %d KiB", size>>10), wrongUnless(len(found) == 0 && size > 100_000, found))
		Expect(t.failed).To(BeEmpty())
	}, SpecTimeout(time.Minute))
})

// readers are people of the list who get the newsletter and whose profile nobody may see; those of the end, whom no other spec writes to.
func readers(n int) (out []string) {
	for _, p := range slices.Backward(list) {
		if truth.Newsletter[p.Email] && !truth.ProfileView[p.Email] {
			if out = append(out, p.Email); len(out) == n {
				return out
			}
		}
	}
	Fail("the list has too few readers")
	return nil
}

// sent has the mailer send one mail to people each, and gives whom the vendor writes to.
func sent(ctx context.Context, to ...string) []string {
	GinkgoHelper()
	subject := fmt.Sprintf("mailer %d", time.Now().UnixNano())
	p, err := r.Pod(ctx, "marketing", road.App("mailer"))
	Expect(err).NotTo(HaveOccurred())
	var answer struct{ Status int }
	Expect(r.Have(ctx, p, 8081, "/send", map[string]any{"subject": subject, "to": to}, &answer)).To(Succeed())
	arrived, err := vendor.Requests(ctx)
	Expect(err).NotTo(HaveOccurred())
	var reached []string
	for _, x := range arrived {
		if x.Mail != nil && x.Mail.Subject == subject {
			reached = append(reached, addressees(x)...)
		}
	}
	return reached
}

// takenCall is a call that the mailer got.
type takenCall struct {
	Path, Body string
	Headers    []string
}

// taken gives what the mailer was called with since the last time.
func taken(ctx context.Context) []takenCall {
	GinkgoHelper()
	p, err := r.Pod(ctx, "marketing", road.App("mailer"))
	Expect(err).NotTo(HaveOccurred())
	var got struct{ Calls []takenCall }
	Expect(r.Ask(ctx, p, 8081, "/calls", &got)).To(Succeed())
	return got.Calls
}

func called(ctx context.Context, c road.Call) road.Answer {
	GinkgoHelper()
	a, err := vendor.Call(ctx, c)
	Expect(err).NotTo(HaveOccurred())
	return a
}

func head(ctx context.Context, l *road.Ledger) uint64 {
	GinkgoHelper()
	at, err := l.Head(ctx)
	Expect(err).NotTo(HaveOccurred())
	return at
}

// told is one record of the event webhook.
type told struct{ event, email, id string }

func events(all ...told) string {
	var out []string
	for _, x := range all {
		out = append(out, fmt.Sprintf(`{"event":%q,"email":%q,"sg_event_id":%q,"sg_message_id":"m-%s","timestamp":%d}`, x.event, x.email, x.id, x.id, time.Now().Unix()))
	}
	return "[" + strings.Join(out, ",") + "]\r\n"
}

// shared signs with a shared secret, as many services do.
func shared(secret, body string) string {
	at := time.Now().Unix()
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%d.%s", at, body)
	return fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(mac.Sum(nil)))
}

// foreign is a signature that is one, of the example that SendGrid publishes.
const foreign = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="

// reason is the one of a denial; empty for another answer.
func reason(body string) string {
	var p struct{ Reasons []string }
	_ = json.Unmarshal([]byte(body), &p)
	return strings.Join(p.Reasons, ", ")
}

// configOf gives what is published for a workload of the namespace marketing.
func configOf(ctx context.Context, g Gomega, workload string) *v1alpha1.SidecarConfig {
	var l v1alpha1.SidecarConfigList
	g.Expect(r.List(ctx, &l, client.InNamespace("marketing"))).To(Succeed())
	i := slices.IndexFunc(l.Items, func(c v1alpha1.SidecarConfig) bool { return c.Spec.Workload.String() == workload })
	g.Expect(i).To(BeNumerically(">=", 0), "nothing is published for "+workload)
	return &l.Items[i]
}
