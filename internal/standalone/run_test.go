package standalone

import (
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/shop"
)

// TestTheSamplesAreEnforced compares what passes with what the shop itself knows to be allowed.
func TestTheSamplesAreEnforced(t *testing.T) {
	h := start(t, samples(t), nil)
	if h.err.String() != "" {
		t.Errorf("something is wrong with the samples: %s", h.err.String())
	}
	allowed := shop.Truth(1, people)
	first := shop.People(1, people)[:100]

	var want []string
	for _, c := range first {
		if allowed.ProfileView[c.Email] {
			want = append(want, c.Email)
		}
	}
	slices.Sort(want)
	shown := h.customers()
	if got := slices.Sorted(maps.Keys(shown)); len(want) == 0 || len(want) >= 50 || !slices.Equal(got, want) {
		t.Errorf("the dashboard shows %q, want %q", got, want)
	}
	for email, c := range shown {
		if got := slices.Sorted(maps.Keys(c)); !slices.Equal(got, []string{"email", "id", "name", "orders"}) {
			t.Errorf("of %s it shows %q", email, got)
		}
	}

	mail, err := os.ReadFile(filepath.Join(h.data, "newsletter.json"))
	if err != nil {
		t.Fatal(err)
	}
	if status, text := h.call(http.MethodPost, h.at(mailer, provider)+"/v3/mail/send", string(mail)); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, text)
	}
	_, reached := h.call(http.MethodGet, h.Summary().Counts+"/people?template=d-newsletter", "")
	n := 0
	for _, c := range first {
		if got := strings.Contains(reached, `"`+c.Email+`"`); got != allowed.Newsletter[c.Email] {
			t.Errorf("%s was mailed: %v, may be: %v", c.Email, got, !got)
		}
		if allowed.Newsletter[c.Email] {
			n++
		}
	}
	if n == 0 || n >= 50 {
		t.Errorf("%d of %d may be mailed; it should be well under half", n, len(first))
	}

	if status, text := h.call(http.MethodGet, h.at(mailer, register)+"/v1/customers", ""); status != http.StatusForbidden || !strings.Contains(text, "NO_POLICY") {
		t.Errorf("the mailer reads customers: %d %s", status, text)
	}
}

func TestAWithdrawalCountsAtOnce(t *testing.T) {
	h := start(t, samples(t), nil)
	who := slices.Sorted(maps.Keys(h.customers()))[0]
	h.withdraw(who, "advice")
	soon(t, "the withdrawal", func() bool { return h.customers()[who] == nil })
	if len(h.customers()) == 0 {
		t.Error("the others are gone, too")
	}
}

func TestEditsApplyWhileItRuns(t *testing.T) {
	h := start(t, samples(t), nil)
	filtered := len(h.customers())
	shows := func(n int) func() bool { return func() bool { return len(h.customers()) == n } }

	h.edit("consentpolicy.yaml", "mode: Enforce", "mode: Observe")
	soon(t, "observing", shows(100))

	h.edit("consentpolicy.yaml", "onMissing: DropRecord", "onMising: DropRecord")
	soon(t, "the complaint", func() bool { return strings.Contains(h.err.String(), "NOT IN FORCE") })
	if !strings.Contains(h.err.String(), "consentpolicy.yaml") || !strings.Contains(h.err.String(), "onMising") {
		t.Errorf("the complaint does not say what is wrong: %s", h.err.String())
	}
	if !shows(100)() {
		t.Error("a broken edit changed what is in force")
	}
	if strings.Count(h.err.String(), "NOT IN FORCE") != 1 {
		t.Errorf("it was said more than once: %s", h.err.String())
	}

	h.edit("consentpolicy.yaml", "onMising: DropRecord", "onMissing: DropRecord")
	h.edit("consentpolicy.yaml", "mode: Observe", "mode: Enforce")
	soon(t, "the healed policy", shows(filtered))

	h.edit("consentpolicy.yaml", "purpose: advice", "purpose: advise")
	soon(t, "a purpose that is missing", func() bool {
		status, text := h.call(http.MethodGet, h.at(dashboard, register)+"/v1/customers", "")
		return status == http.StatusForbidden && strings.Contains(text, "PURPOSE_UNDECLARED")
	})
	soon(t, "the finding", func() bool { // it is told after it is in force
		return strings.Contains(h.err.String(), "ConsentPolicy shop-marketing/dashboards: spec.rules[0].purpose: PurposeNotFound")
	})
	h.edit("consentpolicy.yaml", "purpose: advise", "purpose: advice")
	soon(t, "the purpose that is back", func() bool {
		status, _ := h.call(http.MethodGet, h.at(dashboard, register)+"/v1/customers", "")
		return status == http.StatusOK
	})
}

const tracker = `
apiVersion: consent.optup.dev/v1alpha1
kind: DataService
metadata: {name: tracker, namespace: shop-services}
spec:
  hosts: [tracker.shop-services.svc, tracker.shop-services]
  ports: [{port: 8080, protocol: HTTP}]
  party: {role: Processor}
  allowedNamespaces: {names: [shop-marketing]}
  endpoints:
  - {name: version, methods: [GET], path: /version, personalData: None}
`

func TestServicesComeAndGo(t *testing.T) {
	h := start(t, samples(t), nil)
	const host = "tracker.shop-services.svc:8080"
	file := filepath.Join(h.folder, "more", "tracker.yaml")
	come := func() string {
		write(t, file, tracker)
		soon(t, "a new service", func() bool { return h.at(mailer, host) != "" })
		return h.at(mailer, host)
	}
	addr := come()
	status, text := h.call(http.MethodGet, addr+"/version", "")
	if status != http.StatusBadGateway || !strings.Contains(text, "--upstream "+host) {
		t.Errorf("a service that nobody answers for: %d %s", status, text)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	soon(t, "the end of the service", func() bool { return !open(addr) })
	if again := come(); again != addr {
		t.Errorf("it was at %s and is at %s now", addr, again)
	}
}

func open(url string) bool {
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

func TestUpstreamsAndAddressesThatSomebodyFixed(t *testing.T) {
	folder := samples(t)
	write(t, filepath.Join(folder, "tracker.yaml"), tracker)
	actual := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("the real one")) }))
	defer actual.Close()
	fixed, err := net.Listen("tcp", "127.0.0.2:0") // where none of the others takes the port meanwhile
	if err != nil {
		t.Fatal(err)
	}
	addr := fixed.Addr().String()
	_ = fixed.Close()
	h := start(t, folder, func(o *Options) {
		o.Workloads = []string{mailer}
		o.Upstreams = []string{"tracker.shop-services=" + actual.Listener.Addr().String()}
		o.Listen = []string{"tracker.shop-services:8080=" + addr}
	})
	for _, at := range []string{"http://" + addr, h.at(mailer, "tracker.shop-services.svc:8080")} {
		if status, text := h.call(http.MethodGet, at+"/version", ""); status != http.StatusOK || text != "the real one" {
			t.Errorf("%s: %d %s", at, status, text)
		}
	}
	if h.at(dashboard, register) != "" {
		t.Error("a workload that was not chosen has a sidecar")
	}
}

// TestStopLetsRequestsEnd: what has begun is answered, and Stop waits for it.
func TestStopLetsRequestsEnd(t *testing.T) {
	folder := samples(t)
	write(t, filepath.Join(folder, "tracker.yaml"), tracker)
	arrived := make(chan struct{})
	var ended atomic.Bool
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		time.Sleep(200 * time.Millisecond)
		ended.Store(true)
		_, _ = w.Write([]byte("at last"))
	}))
	defer slow.Close()
	h := start(t, folder, func(o *Options) {
		o.Upstreams = []string{"tracker.shop-services.svc:8080=" + slow.Listener.Addr().String()}
	})
	answered := make(chan string, 1)
	go func() {
		_, text := h.call(http.MethodGet, h.at(mailer, "tracker.shop-services.svc:8080")+"/version", "")
		answered <- text
	}()
	<-arrived
	if err := h.Stop(); err != nil {
		t.Fatal(err)
	}
	if !ended.Load() {
		t.Error("it stopped before the request had ended")
	}
	if text := <-answered; text != "at last" {
		t.Errorf("%q", text)
	}
}

// TestStopLosesNoUseRecords: the ledgers end after everybody who tells them what was decided.
func TestStopLosesNoUseRecords(t *testing.T) {
	var log lines
	h := start(t, samples(t), func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	h.customers()
	if err := h.Stop(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), "not delivered") {
		t.Error(log.String())
	}
}

func TestDataIsKept(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	folder := samples(t)
	keep := func(o *Options) { o.Data = data }
	h := start(t, folder, keep)
	who := slices.Sorted(maps.Keys(h.customers()))[0]
	h.withdraw(who, "advice")
	before := len(h.customers())
	if err := h.Stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, folder, keep)
	if shown := again.customers(); shown[who] != nil || len(shown) == 0 || len(shown) != before {
		t.Errorf("%d people are shown, %d before, and who withdrew: %v", len(shown), before, shown[who])
	}
	if !strings.Contains(again.out.String(), "as it was left") {
		t.Errorf("it was imported again: %s", again.out.String())
	}
}

func TestStopLeavesNothing(t *testing.T) {
	h := start(t, samples(t), nil)
	h.customers()
	s := h.Summary()
	if err := h.Stop(); err != nil {
		t.Fatal(err)
	}
	addresses := []string{s.Register, s.Mail, s.Counts, s.Ledgers[0].URL}
	for _, r := range s.Routes {
		addresses = append(addresses, "http://"+r.Address)
	}
	for _, a := range addresses {
		if open(a) {
			t.Errorf("%s is still open", a)
		}
	}
	if _, err := os.Stat(h.data); !os.IsNotExist(err) {
		t.Errorf("the temporary directory is still there: %v", err)
	}
	var stacks string
	ours := func() bool {
		buf := make([]byte, 1<<20)
		stacks = string(buf[:runtime.Stack(buf, true)])
		for one := range strings.SplitSeq(stacks, "\n\n") {
			if strings.Contains(one, "optup/internal/") && !strings.Contains(one, "TestStopLeavesNothing") {
				return true
			}
		}
		return false
	}
	for end := time.Now().Add(patience); ours(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("goroutines are left:\n%s", stacks)
		}
	}
}
