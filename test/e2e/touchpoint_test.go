package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"time"

	"github.com/chromedp/chromedp/kb"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/testkit/browser"
)

// newcomer is somebody whom nobody knows yet.
const newcomer = "ines.newcomer@mail.example"

// touchpoints are where the shop asks: a form on its page, and the person's own page.
const touchpoints = `
apiVersion: consent.optup.dev/v1alpha1
kind: Touchpoint
metadata: {name: newsletter-form, namespace: marketing}
spec:
  place: WebForm
  url: %[1]s/newsletter
  controller: Gartenhaus Grün GmbH
  optIn: [newsletter-v1]
  confirmation: {proof: MailboxConfirmed}
---
apiVersion: consent.optup.dev/v1alpha1
kind: Touchpoint
metadata: {name: account, namespace: marketing}
spec:
  place: Account
  controller: Gartenhaus Grün GmbH
  optIn: [newsletter-v1]
  ladder: [{notice: profile-v1, after: [newsletter-v1]}]
  confirmation: {proof: MailboxConfirmed}
`

// shopPage is a page of the shop with the form of the ledger.
const shopPage = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Gartenhaus</title></head><body><main>
<h1>Our newsletter</h1><div id="newsletter"><a href="%[1]s/forms/marketing/newsletter-form">Our newsletter</a></div>
<script src="%[1]s/form.js" data-touchpoint="marketing/newsletter-form" data-into="#newsletter" data-lang="en" defer></script></main></body></html>`

// storefront serves the shop's page, and gives its address.
func storefront(ledger string) string {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src %[1]s; connect-src %[1]s", ledger))
		_, _ = fmt.Fprintf(w, shopPage, ledger)
	}))
	DeferCleanup(s.Close)
	return s.URL
}

var _ = Describe("from the newsletter to opt-up", Ordered, func() {
	var ledger, front string

	BeforeAll(func(ctx SpecContext) {
		port := freePort(ctx)
		ledger = fmt.Sprintf("https://127.0.0.1:%d", port)
		front = storefront(ledger)
		Expect(r.ApplyYAML(ctx, fmt.Sprintf(touchpoints, front))).To(Succeed())
		Expect(r.Apply(ctx, r.Manifest("live.yaml"))).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			watch(ctx, "")
			regular(ctx, "")
			for _, o := range []client.Object{
				&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "live"}},
				&v1alpha1.Touchpoint{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "newsletter-form"}},
				&v1alpha1.Touchpoint{ObjectMeta: metav1.ObjectMeta{Namespace: "marketing", Name: "account"}},
			} {
				Expect(client.IgnoreNotFound(r.Delete(ctx, o))).To(Succeed())
			}
		})
		Expect(r.Mail(ctx, ledger)).To(Succeed())
		for _, name := range []string{"newsletter-form", "account"} {
			Eventually(func(g Gomega) {
				var t v1alpha1.Touchpoint
				g.Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: "marketing", Name: name}, &t)).To(Succeed())
				g.Expect(meta.IsStatusConditionTrue(t.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue(), "%+v", t.Status.Conditions)
			}).WithContext(ctx).WithTimeout(time.Minute).WithPolling(200 * time.Millisecond).Should(Succeed())
		}
		Expect(r.Ready(ctx, "marketing", "live")).To(Succeed())
		p, err := r.Pod(ctx, "consent", map[string]string{"consent.optup.dev/ledger": "main"})
		Expect(err).NotTo(HaveOccurred())
		_, stop, err := r.Forward(p, port, 8444)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { close(stop) })
	}, NodeTimeout(5*time.Minute))

	It("a form, a mail, a confirmation, the newsletter, the next step, and all of it back", func(ctx SpecContext) {
		By("nobody who was not asked is mailed or shown")
		regular(ctx, newcomer)
		watch(ctx, newcomer)
		Eventually(func() int { return ticked(ctx).Requests }).WithContext(ctx).WithTimeout(20 * time.Second).Should(BeNumerically(">", 50))
		silent := func() {
			GinkgoHelper()
			Expect(delivered(ctx, newcomer)).To(BeZero())
			Expect(visitor(ctx, newcomer).Visits).To(BeZero())
		}
		silent()

		By("she fills in the form on the shop's page")
		form := browser.New(GinkgoTB(), browser.Options{Scripts: true})
		form.Go(front + "/newsletter")
		form.Wait(`document.querySelector("form.optup-form")`)
		form.Tab("Your e-mail address")
		form.Type(newcomer)
		form.Tab("Newsletter")
		form.Press(" ")
		form.Tab("Send")
		form.Press(kb.Enter)
		form.Wait(`document.body.innerText.includes("Please confirm there")`)

		By("a mail arrives, and until its link is confirmed nothing is sent")
		link := letter(ctx, ledger, "Please confirm")
		b := browser.New(GinkgoTB(), browser.Options{})
		b.Go(link)
		Expect(b.Text()).To(ContainSubstring("I would like to receive news and offers of Gartenhaus Grün GmbH by e-mail."))
		silent()
		b.Enter("Yes, I agree to this")
		Eventually(func() int { return delivered(ctx, newcomer) }).WithContext(ctx).WithTimeout(10 * time.Second).WithPolling(50 * time.Millisecond).Should(BeNumerically(">", 5))
		Expect(visitor(ctx, newcomer).Visits).To(BeZero(), "the newsletter is no consent to profiles")

		By("her page offers the next step")
		b.Go(ledger + "/")
		b.Tab("Your e-mail address")
		b.Type(newcomer)
		b.Enter("Send me a link")
		b.Go(letter(ctx, ledger, "Your link"))
		b.Enter("Open my page")
		Expect(b.URL()).To(Equal(ledger + "/person"))
		before := live(ctx)
		b.Enter("I agree: Advice")
		Eventually(func() int { return visitor(ctx, newcomer).Visits }).WithContext(ctx).WithTimeout(10 * time.Second).WithPolling(50 * time.Millisecond).Should(BeNumerically(">", 5))

		By("she takes both back")
		b.Enter("Take back: Newsletter")
		b.Enter("Take back: Advice")
		time.Sleep(time.Second)
		mailed, seen := delivered(ctx, newcomer), visitor(ctx, newcomer).Visits
		Consistently(func() []int { return []int{delivered(ctx, newcomer), visitor(ctx, newcomer).Visits} }).WithContext(ctx).WithTimeout(3 * time.Second).Should(Equal([]int{mailed, seen}))
		after := live(ctx)
		Expect(after.Streams).To(Equal(before.Streams), "the stream is the one that was open")
		Eventually(func() int { return live(ctx).Visits }).WithContext(ctx).WithTimeout(30 * time.Second).Should(BeNumerically(">", after.Visits))
		for _, w := range []*browser.Browser{form, b} {
			Expect(w.Reports()).To(BeEmpty())
			for _, request := range w.Requests() {
				Expect(request).NotTo(ContainSubstring("newcomer"))
			}
		}
	}, SpecTimeout(4*time.Minute))
})

var inLetter = regexp.MustCompile(`https://[^\s"<>]+token=[^\s"<>]+`)

// letter waits for a message with a subject to the newcomer, and gives the link in it.
func letter(ctx context.Context, ledger, subject string) (link string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		letters, err := r.Letters(ctx, newcomer)
		g.Expect(err).NotTo(HaveOccurred())
		for _, l := range letters {
			if strings.HasPrefix(l.Subject, subject) {
				link = inLetter.FindString(l.Text)
			}
		}
		g.Expect(link).To(HavePrefix(ledger + "/"))
	}).WithContext(ctx).WithTimeout(30 * time.Second).WithPolling(200 * time.Millisecond).Should(Succeed())
	return link
}

// freePort is a port of this machine that nobody listens on.
func freePort(ctx context.Context) uint16 {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = l.Close() }()
	return uint16(l.Addr().(*net.TCPAddr).Port) //nolint:gosec // ports fit
}
