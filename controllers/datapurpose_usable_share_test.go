package controllers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/testkit"
)

var _ = Describe("The usable share of a DataPurpose", func() {
	var (
		w      *world
		l      *v1alpha1.ConsentLedger
		d      *v1alpha1.DataPurpose
		s      *Shares
		asked  []string
		answer string
		heads  string
		status int
		broken error
		// headStatus and checkpoint are those of the head, and of the newest checkpoint; none for a ledger that has none to show.
		headStatus int
		checkpoint string
	)
	BeforeEach(func() {
		w = newWorld("enforce")
		l, d = w.ledger("main"), w.newsletter()
		create(l, d)
		r := newLedgers()
		r.reconcile(l)
		serves("main", 1)
		r.reconcile(l)
		asked, status, broken = nil, http.StatusOK, nil
		heads, headStatus, checkpoint = `{"epoch": "E1", "position": 50, "subscribers": 3, "oldestStalenessSeconds": 1.2}`, http.StatusOK, ""
		clock := testkit.NewClock(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))
		s = &Shares{Client: k8s, Every: time.Hour, Now: clock.Now, Ask: func(_ context.Context, url string) (*http.Response, error) {
			asked = append(asked, url)
			with := func(status int, body string) (*http.Response, error) {
				return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(strings.NewReader(body))}, broken
			}
			switch {
			case strings.HasSuffix(url, "/v1/head"):
				return with(headStatus, heads)
			case strings.HasSuffix(url, "/v1/checkpoint") && checkpoint != "":
				return with(http.StatusOK, checkpoint)
			case strings.HasSuffix(url, "/v1/checkpoint"):
				return with(http.StatusNotFound, "")
			default:
				return with(status, answer)
			}
		}}
	})

	It("is what the ledger counts for the purpose's first processing", func() {
		answer = `{"position": 42, "generation": 7, "people": 1000, "purposes": [{"purpose": "newsletter", "headroom": 520}], "shares": [
			{"purpose": "newsletter", "processing": "profile", "permitted": 10, "population": 1000, "share": "1.0%"},
			{"purpose": "newsletter", "processing": "send", "permitted": 340, "population": 1000, "share": "34.0%", "fields": "17.0%"},
			{"purpose": "another", "processing": "send", "permitted": 999, "population": 1000, "share": "99.9%"}]}`
		s.round(ctx)
		const at = "https://main-ledger.consent.svc:8443/v1/"
		Expect(asked).To(Equal([]string{at + "usable-share", at + "head", at + "checkpoint"}))
		u := fresh(d).Status.UsableShare
		Expect(u).NotTo(BeNil())
		Expect(u.Share).To(Equal("34.0%"))
		Expect(u.Fields).To(Equal("17.0%"))
		Expect(u.Generation).To(BeEquivalentTo(7))
		Expect(*d.Status.OptUpHeadroom).To(BeEquivalentTo(520))
		Expect(*u.Permitted).To(BeEquivalentTo(340))
		Expect(*u.Population).To(BeEquivalentTo(1000))
		Expect(u.Processing).To(Equal(v1alpha1.ProcessingSend))
		Expect(u.Position).To(BeEquivalentTo(42))
		Expect(u.ObservedAt.UTC().Format(time.RFC3339)).To(Equal("2026-06-01T12:00:00Z"))
		Expect(fresh(l).Status.Position).To(BeEquivalentTo(50))
		Expect(*l.Status.People).To(BeEquivalentTo(1000))
	})

	It("tells nothing about fewer than 10 people", func() {
		answer = `{"position": 3, "shares": [{"purpose": "newsletter", "processing": "send", "share": "<10 people"}]}`
		s.round(ctx)
		u := fresh(d).Status.UsableShare
		Expect(u.Share).To(Equal("<10 people"))
		Expect(u.Permitted).To(BeNil())
		Expect(u.Population).To(BeNil())
		Expect(fresh(l).Status.People).To(BeNil())
	})

	It("forgets counts that went below 10", func() {
		answer = `{"position": 3, "people": 10, "shares": [{"purpose": "newsletter", "processing": "send", "permitted": 10, "population": 10, "share": "100.0%"}]}`
		s.round(ctx)
		answer = `{"position": 4, "shares": [{"purpose": "newsletter", "processing": "send", "share": "<10 people"}]}`
		s.round(ctx)
		Expect(fresh(d).Status.UsableShare.Permitted).To(BeNil())
		Expect(fresh(l).Status.People).To(BeNil())
	})

	DescribeTable("keeps a count below 10 out of status even if a ledger gives it", func(given string) {
		answer = given
		s.round(ctx)
		u := fresh(d).Status.UsableShare
		Expect(u).NotTo(BeNil())
		Expect(u.Share).To(Equal("<10 people"))
		Expect(u.Fields).To(BeEmpty())
		Expect(u.Permitted).To(BeNil())
		Expect(fresh(l).Status.People).To(BeNil())
	},
		Entry("of those who permit", `{"position": 3, "shares": [{"purpose": "newsletter", "processing": "send", "permitted": 3, "population": 1000, "share": "0.3%", "fields": "0.1%"}]}`),
		Entry("of all", `{"position": 3, "people": 9, "shares": [{"purpose": "newsletter", "processing": "send", "permitted": 9, "population": 9, "share": "100.0%"}]}`),
		Entry("as a percentage alone", `{"position": 3, "shares": [{"purpose": "newsletter", "processing": "send", "population": 1000, "share": "0.3%"}]}`),
	)

	It("stays while a ledger does not answer, or answers nonsense", func() {
		answer = `{"position": 42, "people": 1000, "shares": [{"purpose": "newsletter", "processing": "send", "permitted": 341, "population": 1000, "share": "34.1%"}]}`
		s.round(ctx)
		before := fresh(d).ResourceVersion
		status, headStatus = http.StatusServiceUnavailable, http.StatusServiceUnavailable
		s.round(ctx)
		status, answer = http.StatusOK, "<html>"
		s.round(ctx)
		broken = errors.New("no route")
		s.round(ctx)
		Expect(fresh(d).ResourceVersion).To(Equal(before))
	})

	It("is not written again while it is the same", func() {
		answer = `{"position": 42, "people": 1000, "shares": [{"purpose": "newsletter", "processing": "send", "permitted": 341, "population": 1000, "share": "34.1%"}]}`
		s.round(ctx)
		before := fresh(d).ResourceVersion + "/" + fresh(l).ResourceVersion
		s.round(ctx)
		Expect(fresh(d).ResourceVersion + "/" + fresh(l).ResourceVersion).To(Equal(before))
	})

	It("stands beside where the ledger stands and who follows it", func() {
		answer = `{"position": 42, "people": 1000, "shares": []}`
		s.round(ctx)
		Expect(fresh(l).Status.Epoch).To(Equal("E1"))
		Expect(l.Status.Subscribers).To(BeEquivalentTo(3))
		Expect(l.Status.OldestStalenessSeconds).To(BeEquivalentTo(2))
		Expect(l.Status.Checkpoint).To(BeEmpty())
		checkpoint = "optup.dev/ledger/k/E1\n50\nroot\n\n- signature\n"
		s.round(ctx)
		Expect(fresh(l).Status.Checkpoint).To(Equal(checkpoint))
		checkpoint = strings.Repeat("x", 3000)
		s.round(ctx)
		Expect(fresh(l).Status.Checkpoint).To(HavePrefix("optup.dev"))
	})

	It("leaves alone what the ledger counted while it counts anew", func() {
		answer = `{"position": 42, "people": 1000, "shares": []}`
		s.round(ctx)
		status, heads = http.StatusServiceUnavailable, `{"epoch": "E1", "position": 60}`
		s.round(ctx)
		Expect(fresh(l).Status.Position).To(BeEquivalentTo(60))
		Expect(*l.Status.People).To(BeEquivalentTo(1000))
	})

	It("forgets headroom of fewer than 10 people", func() {
		answer = `{"position": 3, "purposes": [{"purpose": "newsletter", "headroom": 30}], "shares": [{"purpose": "newsletter", "processing": "send", "permitted": 10, "population": 100, "share": "10.0%"}]}`
		s.round(ctx)
		Expect(*fresh(d).Status.OptUpHeadroom).To(BeEquivalentTo(30))
		answer = strings.Replace(answer, `"headroom": 30`, `"headroom": 3`, 1)
		s.round(ctx)
		Expect(fresh(d).Status.OptUpHeadroom).To(BeNil())
	})

	It("is not asked of a ledger that does not serve", func() {
		serves("main", 0)
		newLedgers().reconcile(l)
		s.round(ctx)
		Expect(asked).To(BeEmpty())
	})

	It("comes from the ledger of the purpose's controller only", func() {
		other := w.newsletter()
		other.Name, other.Spec.Controller = "others", "Somebody Else GmbH"
		create(other)
		answer = `{"position": 42, "people": 1000, "shares": [{"purpose": "others", "processing": "send", "permitted": 341, "population": 1000, "share": "34.1%"}]}`
		s.round(ctx)
		Expect(fresh(other).Status.UsableShare).To(BeNil())
	})
})
