package proxy

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	ledgerwire "github.com/optup/optup/internal/ledger/wire"
	"github.com/optup/optup/internal/metrics"
)

const hookSecret = "It's a Secret to Everybody"

// hooked is a sidecar between a service that calls and the application that is called. The clock stands still.
type hooked struct {
	t     *testing.T
	proxy *Proxy
	now   time.Time
	at    string

	mu sync.Mutex
	// got are the bodies that the application got, said what the ledger was told.
	got  []string
	said []ledgerwire.CallbackEvent
	// status is the application's answer, failing why the ledger cannot be told.
	status  int
	failing error
	metrics *metrics.Registry
}

// hookBundle is one callback with a shared secret: opens for people who agreed, and unsubscribes for the ledger.
func hookBundle(port int) *ir.Bundle {
	return &ir.Bundle{
		Schema: ir.Schema, Namespace: "marketing", Workload: "Deployment/mailer", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 30000,
		Purposes: []ir.Purpose{{
			Name: "profiling", Controller: "shop", Grounds: []ir.Ground{ir.GroundConsent}, Processing: []ir.Processing{ir.ProcessingCollect, ir.ProcessingProfile},
			Categories: []string{"pd:EmailAddress"}, Objection: ir.ObjectionDirectMarketing,
		}},
		Notices: []ir.Notice{{Name: "profiling-v1", Series: "profiling", Version: 1, Controller: "shop", Purposes: []consent.PurposeID{"profiling"}, Processing: []ir.Processing{ir.ProcessingCollect, ir.ProcessingProfile}}},
		Callbacks: []ir.Callback{{
			Policy: "marketing/mailer/events", Service: "marketing/mail", Name: "events", Port: port, Path: "/hooks/mail", Methods: []string{"POST"}, Mode: ir.ModeEnforce,
			Signature: ir.Signature{
				Type: ir.SignatureHMAC, Key: "hooks/mail", Header: "X-Signature", Prefix: "v1=", Encoding: ir.EncodingHex, Text: "{timestamp}.{body}", ToleranceSeconds: 300,
				Timestamp: &ir.SignedTime{Header: "X-Signature", Prefix: "t=", Format: ir.TimeUnixSeconds},
			},
			Body: &ir.Message{Records: &ir.Records{
				Each: "/events/*", Identifier: "/email", Identifies: ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain},
				Fields: []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}}, NotPersonal: []string{"/event"},
			}},
			ID: "/id", Kind: "/event",
			Kinds: []ir.RecordKind{{
				Name: "open", In: []string{"open"}, Processing: []ir.Processing{ir.ProcessingCollect, ir.ProcessingProfile}, Purpose: "profiling", OnMissing: ir.OnMissingDropRecord,
			}},
			Events: []ir.Told{{When: []ir.RecordCondition{{Pointer: "/event", In: []string{"unsubscribe"}}}, Controller: "shop", Type: consent.EventWithdrawn, Purpose: "profiling"}},
		}},
	}
}

func newHooked(t *testing.T, change func(*ir.Bundle)) *hooked {
	t.Helper()
	h := &hooked{t: t, now: time.Unix(1_800_000_000, 0), status: http.StatusOK, metrics: metrics.New()}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		h.got = append(h.got, string(body))
		status := h.status
		h.mu.Unlock()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "anna@example.org is welcome")
	}))
	t.Cleanup(app.Close)
	dst := netip.MustParseAddrPort(app.Listener.Addr().String())
	credentials := &credential.Store{}
	credentials.Put(map[ir.Value]credential.Secret{{Service: "marketing/mail", ID: "hooks/mail"}: credential.New(hookSecret)})
	h.proxy = &Proxy{
		Current: &Current{}, Metrics: NewMetrics(h.metrics), Credentials: credentials, now: h.clock,
		Tell: func(_ context.Context, controller string, in ledgerwire.CallbackEvents) (ledgerwire.CallbackTaken, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			if controller != "shop" || in.Service != "marketing/mail" {
				t.Errorf("%s of %s", controller, in.Service)
			}
			h.said = append(h.said, in.Events...)
			return ledgerwire.CallbackTaken{Appended: len(in.Events)}, h.failing
		},
	}
	b := hookBundle(int(dst.Port()))
	if change != nil {
		change(b)
	}
	if _, err := ir.Encode(b); err != nil {
		t.Fatal(err)
	}
	facts := told{
		fact: func(person consent.Identifier, _ consent.PurposeID) consent.Fact {
			if !strings.HasPrefix(person.Value, "y") {
				return consent.Fact{Position: 1}
			}
			return consent.Fact{Position: 1, Grants: []consent.Grant{{Position: 1, Purpose: "profiling", Notice: "profiling-v1", Status: consent.StatusGiven, Since: time.Unix(1_700_000_000, 0)}}}
		},
		now: func() decide.Now { return decide.Now{Ledger: h.clock(), Position: 1} },
	}
	h.proxy.Current.Store(&State{Index: decide.NewIndex(b), Facts: map[string]Facts{"shop": facts}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.at = l.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	go func() { _ = h.proxy.ServeCallbacks(ctx, l, dst) }()
	t.Cleanup(func() {
		stop()
		end, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = h.proxy.Shutdown(end)
	})
	return h
}

func (h *hooked) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// set changes what the world around does.
func (h *hooked) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

func (h *hooked) signature(body string) string {
	stamp := strconv.FormatInt(h.clock().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(hookSecret))
	_, _ = mac.Write([]byte(stamp + "." + body))
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// call sends a body with a signature, and gives status and answer.
func (h *hooked) call(body, signature string) (int, string) {
	h.t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+h.at+"/hooks/mail", strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if signature != "" {
		r.Header.Set("X-Signature", signature)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}

func (h *hooked) signed(body string) (int, string) { return h.call(body, h.signature(body)) }

// seen gives what the application got and the ledger was told since the last time.
func (h *hooked) seen() (got []string, said int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	got, said = h.got, len(h.said)
	h.got, h.said = nil, nil
	return got, said
}

const threeEvents = `{"batch":"b-1","events":[{"event":"open","email":"yes@x.org","id":"1"},{"event":"open","email":"no@x.org","id":"2"},{"event":"unsubscribe","email":"no@x.org","id":"3"}]}`

func TestACallbackIsFilteredAndTold(t *testing.T) {
	h := newHooked(t, nil)
	status, answer := h.signed(threeEvents)
	got, said := h.seen()
	if want := []string{`{"events":[{"event":"open","email":"yes@x.org"}]}`}; status != 200 || answer != "" || !slices.Equal(got, want) || said != 1 {
		t.Errorf("%d %q; the application got %q, the ledger was told %d times", status, answer, got, said)
	}
}

func TestWhoDoesNotSignIsRefused(t *testing.T) {
	h := newHooked(t, nil)
	for name, signature := range map[string]string{"nobody": "", "somebody else": strings.Replace(h.signature(threeEvents), "v1=", "v1=00", 1)[:80], "for something else": h.signature(threeEvents + " ")} {
		if status, answer := h.call(threeEvents, signature); status != 403 || !strings.Contains(answer, string(decide.SignatureRefused)) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	old := h.signature(threeEvents)
	h.set(func() { h.now = h.now.Add(301 * time.Second) })
	if status, answer := h.call(threeEvents, old); status != 403 || !strings.Contains(answer, string(decide.SignatureRefused)) {
		t.Errorf("too late: %d %s", status, answer)
	}
	if got, said := h.seen(); len(got)+said != 0 {
		t.Errorf("the application got %q, the ledger was told %d times", got, said)
	}
	h.proxy.Credentials.Put(map[ir.Value]credential.Secret{{Service: "marketing/mail", ID: "hooks/mail"}: {}})
	if status, _ := h.signed(threeEvents); status != 503 {
		t.Errorf("while the secret is away: %d", status)
	}
	if got, said := h.seen(); len(got)+said != 0 {
		t.Errorf("the application got %q, the ledger was told %d times", got, said)
	}
}

// TestNothingPassesBeforeTheLedgerHasIt, and nothing that was told is lost when something goes wrong later.
func TestNothingPassesBeforeTheLedgerHasIt(t *testing.T) {
	h := newHooked(t, nil)
	h.set(func() { h.failing = errors.New("away") })
	if status, answer := h.signed(threeEvents); status != 503 || !strings.Contains(answer, string(decide.LedgerBehind)) {
		t.Errorf("%d %s", status, answer)
	}
	if got, _ := h.seen(); len(got) != 0 {
		t.Errorf("the application got %q", got)
	}
	h.set(func() { h.failing, h.status = nil, http.StatusInternalServerError })
	if status, answer := h.signed(threeEvents); status != 500 || answer != "" {
		t.Errorf("%d %q", status, answer)
	}
	h.set(func() { h.status = http.StatusOK })
	for i, want := range []int{1, 0} {
		if status, _ := h.signed(threeEvents); status != 200 {
			t.Errorf("%d", status)
		}
		if got, _ := h.seen(); i == 0 && len(got) != 2 || i == 1 && len(got) != want {
			t.Errorf("try %d: the application got %q", i, got)
		}
	}
	// Without a ledger at all, what says no to nothing passes, and what does is to come again.
	h.proxy.calls.proxy.Load().Tell = nil
	if status, _ := h.signed(strings.Replace(threeEvents, "b-1", "b-2", 1)); status != 503 {
		t.Errorf("%d", status)
	}
	if status, _ := h.signed(`{"events":[{"event":"open","email":"yes@x.org","id":"1"}]}`); status != 200 {
		t.Errorf("%d", status)
	}
}

func TestWhatIsNotDeclaredStopsTheCallAndNotTheNo(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ir.Bundle)
		status int
		said   int
	}{
		"a callback that is blocked":      {func(b *ir.Bundle) { b.Callbacks[0].Blocked = "ENDPOINT_UNKNOWN" }, 503, 0},
		"a purpose that is blocked":       {func(b *ir.Bundle) { b.Purposes[0].Blocked = "PURPOSE_UNDECLARED" }, 503, 1},
		"a purpose that does less":        {func(b *ir.Bundle) { b.Purposes[0].Processing = []ir.Processing{ir.ProcessingCollect} }, 503, 1},
		"a kind that reaches nobody":      {func(b *ir.Bundle) { b.Callbacks[0].Kinds = nil }, 200, 1},
		"a workload that observes":        {func(b *ir.Bundle) { b.Callbacks[0].Mode = ir.ModeObserve }, 200, 1},
		"one that observes, and is wrong": {func(b *ir.Bundle) { b.Callbacks[0].Mode, b.Callbacks[0].Blocked = ir.ModeObserve, "ENDPOINT_UNKNOWN" }, 200, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHooked(t, c.change)
			status, answer := h.signed(threeEvents)
			got, said := h.seen()
			if status != c.status || said != c.said {
				t.Errorf("%d %s; the ledger was told %d times", status, answer, said)
			}
			observes := strings.Contains(name, "observes")
			if observes != (len(got) == 1) || (observes && (got[0] != threeEvents || !strings.Contains(answer, "welcome"))) {
				t.Errorf("the application got %q, the service %q", got, answer)
			}
		})
	}
}

// TestAnObservedCallPassesUnsigned: where nothing is enforced nobody is refused, and nobody's word is written down who does not sign.
func TestAnObservedCallPassesUnsigned(t *testing.T) {
	h := newHooked(t, func(b *ir.Bundle) { b.Callbacks[0].Mode = ir.ModeObserve })
	for name, body := range map[string]string{"unsigned": threeEvents, "no JSON": "{"} {
		status, _ := h.call(body, "")
		if got, said := h.seen(); status != 200 || !slices.Equal(got, []string{body}) || said != 0 {
			t.Errorf("%s: %d, the application got %q, the ledger was told %d times", name, status, got, said)
		}
	}
}

// TestFactsThatAreTooOldLetNothingPass: the service tries again.
func TestFactsThatAreTooOldLetNothingPass(t *testing.T) {
	h := newHooked(t, nil)
	s := h.proxy.Current.Load()
	h.proxy.Current.Store(&State{Index: s.Index, Facts: map[string]Facts{}})
	if status, answer := h.signed(threeEvents); status != 503 || !strings.Contains(answer, string(decide.LedgerBehind)) {
		t.Errorf("%d %s", status, answer)
	}
	if got, said := h.seen(); len(got) != 0 || said != 1 {
		t.Errorf("the application got %q, the ledger was told %d times", got, said)
	}
}

func TestMetricsOfCallbacksNameNobody(t *testing.T) {
	h := newHooked(t, nil)
	h.signed(threeEvents)
	h.signed(`{"events":[{"event":"unsubscribe","email":"nobody","id":"9"}]}`)
	var out bytes.Buffer
	w := httptest.NewRecorder()
	h.metrics.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	_, _ = io.Copy(&out, w.Body)
	for _, want := range []string{
		`optup_sidecar_callbacks_total{callback="events",outcome="filtered",service="marketing/mail"} 1`,
		`optup_sidecar_callbacks_total{callback="events",outcome="emptied",service="marketing/mail"} 1`,
		`optup_sidecar_callback_events_total{callback="events",outcome="appended",service="marketing/mail"} 1`,
		`optup_sidecar_callback_events_total{callback="events",outcome="nameless",service="marketing/mail"} 1`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %s", want)
		}
	}
	if strings.Contains(out.String(), "x.org") {
		t.Error("somebody is named")
	}
}

// TestPathsThatSomeApplicationTakesForACallback, and those that none does.
func TestPathsThatSomeApplicationTakesForACallback(t *testing.T) {
	for path, want := range map[string]bool{
		"/hooks/mail": true, "/HOOKS/mail": true, "/hooks/mail/": true, "//hooks/mail": true, "/./hooks/mail": true, "/a/../hooks/mail": true, "/hooks/%6dail": true,
		"/hooks%2fmail": true, "/hooks/%256dail": true, "/hooks/mail;x=y": true, "/hooks;x/mail": true, "/hooks/mail.php": true, "/hooks/mail%00": true, "/hooks/mail%20": true,
		`/hooks\mail`: true, "/hooks/%2e/mail": true, "/hooks/x/%2e%2e/mail": true, "http://shop.example/hooks/mail": true, "/hooks/mail%3Fx": true, "/hooks/mail#x": true,
		"/hooks": false, "/": false, "/hooks/mails": false, "/hooks/mail/x": false, "/x/hooks/mail": false, "/hooks/ma%il": false, "/hooks/m.ail": false, "*": false,
	} {
		if got := alike(path, "/hooks/mail"); got != want {
			t.Errorf("%s: %t", path, got)
		}
	}
}

func TestCallsAreRememberedWithinBounds(t *testing.T) {
	s, now := &passedCalls{}, time.Unix(1_800_000_000, 0)
	one := callOf("p", "1", []byte("x"))
	if callOf("p", "1x", nil) == one || callOf("p1", "", []byte("x")) == one {
		t.Error("two calls have one name")
	}
	if before, under := s.begin(one, now, 0); before || under {
		t.Error("the first is a repetition")
	}
	if before, under := s.begin(one, now, 0); before || !under {
		t.Error("one that is under way is passed on twice")
	}
	s.end(one, false)
	if before, under := s.begin(one, now, 0); before || under {
		t.Error("one that failed is not tried again")
	}
	s.end(one, true)
	if before, _ := s.begin(one, now.Add(minSeen-1), 0); !before {
		t.Error("a repetition passes")
	}
	if before, under := s.begin(one, now.Add(minSeen), 0); before || under {
		t.Error("one that would be refused for its age is remembered for ever")
	}
	for i := range 3 * maxSeen {
		c := callOf("p", strconv.Itoa(i), nil)
		s.begin(c, now, time.Hour)
		s.end(c, true)
	}
	if len(s.calls) > maxSeen || len(s.order) > maxSeen {
		t.Errorf("%d are remembered, in an order of %d", len(s.calls), len(s.order))
	}
}

func FuzzAlike(f *testing.F) {
	f.Add("/hooks/../hooks/%6dail")
	f.Fuzz(func(t *testing.T, path string) {
		if p := plain(path); p != plain(p) && !strings.Contains(p, "%") {
			t.Errorf("%q is %q, which is %q", path, p, plain(p))
		}
	})
}
