package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	ledgerwire "github.com/optup/optup/internal/ledger/wire"
	"github.com/optup/optup/internal/metrics"
	"github.com/optup/optup/internal/scenario"
	"github.com/optup/optup/internal/uses"
)

// tagged are facts that people can be recorded by.
type tagged struct{ told }

func (tagged) Tag(i consent.Identifier) (consent.Tag, error) {
	t, err := consent.NewTagger(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		return consent.Tag{}, err
	}
	return t.Tag(i)
}

// recorded is a road whose decisions are recorded, logged and traced.
type recordedRoad struct {
	*road
	log, sent bytes.Buffer
	spans     *tracetest.SpanRecorder
	dir       string

	mu        sync.Mutex
	decisions map[string]ledgerwire.Decided
}

// safe is a writer for several goroutines.
type safe struct {
	mu *sync.Mutex
	w  io.Writer
}

func (s safe) Write(p []byte) (int, error) { s.mu.Lock(); defer s.mu.Unlock(); return s.w.Write(p) }

func recording(t *testing.T, change func(*ir.Bundle)) *recordedRoad {
	t.Helper()
	r := &recordedRoad{road: shop(t, change), dir: t.TempDir(), decisions: map[string]ledgerwire.Decided{}, spans: tracetest.NewSpanRecorder()}
	fact := func(i consent.Identifier, p consent.PurposeID) consent.Fact {
		if strings.HasPrefix(i.Value, "anna") {
			return everybody(i, p)
		}
		return consent.Fact{}
	}
	for c := range r.current.Load().Facts {
		r.current.Load().Facts[c] = tagged{told{fact: fact, now: func() decide.Now { return decide.Now{Ledger: scenario.Now, Position: 41} }}}
	}
	r.current.Load().Generation = 12
	recorder, err := uses.New(uses.Options{Dir: r.dir, Linger: 5 * time.Millisecond, Retry: 5 * time.Millisecond, Send: r.take, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = recorder.Run(ctx, func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), time.Second)
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	r.proxy.Uses = recorder
	r.proxy.Logger = slog.New(slog.NewTextHandler(safe{&r.mu, &r.log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.proxy.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r.spans)).Tracer("test")
	return r
}

func (r *recordedRoad) take(_ context.Context, _ string, raw []byte) (ledgerwire.Taken, error) {
	var u ledgerwire.Uses
	if err := json.Unmarshal(raw, &u); err != nil {
		return ledgerwire.Taken{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent.Write(raw)
	for _, d := range u.Decisions {
		r.decisions[d.ID.String()] = d
	}
	return ledgerwire.Taken{}, nil
}

// one waits for the record of a decision.
func (r *recordedRoad) one(id string) ledgerwire.Decided {
	r.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		r.mu.Lock()
		d, ok := r.decisions[id]
		r.mu.Unlock()
		if ok {
			return d
		}
		if time.Now().After(end) {
			r.t.Fatalf("nothing is recorded under %q", id)
		}
	}
}

var (
	idInBody   = regexp.MustCompile(`"decisionId":"([0-9a-z]{26})"`)
	idInHeader = regexp.MustCompile(`(?i)\r\noptup-decision: ([0-9a-z]{26})\r\n`)
)

func idIn(t *testing.T, where *regexp.Regexp, answer string) string {
	t.Helper()
	m := where.FindStringSubmatch(answer)
	if m == nil {
		t.Fatalf("no id in %s", answer)
	}
	return m[1]
}

const mixed = `{"template_id":"d-newsletter","personalizations":[{"to":[{"email":"anna@example.org"}]},{"to":[{"email":"marker-bert@example.org"}]}]}`

func TestWhatIsDecidedIsRecorded(t *testing.T) {
	dropping := func(b *ir.Bundle) {
		for i := range b.Rules {
			b.Rules[i].OnMissing, b.Rules[i].OnEmpty = ir.OnMissingDropAddressee, ir.OnEmptyDeny
		}
	}
	observing := func(b *ir.Bundle) {
		b.Mode = ir.ModeObserve
		for i := range b.Rules {
			b.Rules[i].Mode = ir.ModeObserve
		}
	}
	for name, c := range map[string]struct {
		change  func(*ir.Bundle)
		request string
		where   *regexp.Regexp
		effect  decide.Effect
		reason  decide.Reason
		mode    string
		people  []decide.Reason
		plain   bool // without purpose
	}{
		"everybody agreed":                {nil, post("", newsletter), idInHeader, decide.Permit, "", "Enforce", []decide.Reason{decide.OKConsent}, false},
		"one is taken out":                {dropping, post("", mixed), idInHeader, decide.PermitFiltered, decide.NotPermitted, "Enforce", []decide.Reason{decide.OKConsent, decide.NoGrant}, false},
		"a service cannot speak for us":   {nil, post("Optup-Decision: 0\r\n", newsletter), idInHeader, decide.Permit, "", "Enforce", []decide.Reason{decide.OKConsent}, false},
		"one denies the whole":            {func(b *ir.Bundle) { dropping(b); onMissing(b, ir.OnMissingDeny) }, post("", mixed), idInBody, decide.Deny, "", "Enforce", []decide.Reason{decide.OKConsent, decide.NoGrant}, false},
		"what would have been denied":     {observing, post("", mixed), idInHeader, "", "", "Observe", []decide.Reason{decide.OKConsent, decide.NoGrant}, false},
		"an endpoint that nobody knows":   {nil, "GET /v9/none HTTP/1.1\r\nHost: api.esp\r\nConnection: close\r\n\r\n", idInBody, decide.Deny, decide.EndpointUnknown, "Enforce", nil, true},
		"a body that cannot be read":      {nil, post("", `{"a":1,"a":2}`), idInBody, decide.Deny, decide.BodyUnreadable, "Enforce", nil, true},
		"a request with a second reading": {nil, "GET /v3/../none HTTP/1.1\r\nHost: api.esp\r\nConnection: close\r\n\r\n", idInBody, decide.Deny, decide.NotCanonical, "Enforce", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := recording(t, c.change)
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				w.Header().Set("Optup-Decision", "spoofed")
				w.WriteHeader(http.StatusAccepted)
			}
			answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), c.request)
			d := r.one(idIn(t, c.where, answer))
			if strings.Contains(answer, "spoofed") {
				t.Errorf("the service's header passed: %s", answer)
			}
			var people []decide.Reason
			for i, u := range d.Uses {
				people = append(people, decide.Reason(u.Reason))
				if u.Tag == nil || (i > 0 && *u.Tag == *d.Uses[0].Tag) {
					t.Errorf("person %d has no tag of its own", i+1)
				}
			}
			if !slices.Equal(people, c.people) || d.Mode != c.mode || d.Generation != 12 {
				t.Errorf("recorded %+v", d)
			}
			if c.effect != "" && d.Effect != string(c.effect) || c.reason != "" && d.Reason != string(c.reason) {
				t.Errorf("effect %s, reason %s", d.Effect, d.Reason)
			}
			if (d.Purpose == "") != c.plain || (!c.plain && (d.Position != 41 || len(d.Policies) == 0 || d.Service != "esp/mail" && d.Service == "" || !d.At.Equal(scenario.Now))) {
				t.Errorf("recorded %+v", d)
			}
		})
	}
}

func onMissing(b *ir.Bundle, to ir.OnMissing) {
	for i := range b.Rules {
		b.Rules[i].OnMissing = to
	}
}

func TestAnUnansweredRequestIsRecordedAsSuch(t *testing.T) {
	r := recording(t, nil)
	r.proxy.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("away") }
	answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), post("", newsletter))
	if d := r.one(idIn(t, idInHeader, answer)); !d.Unanswered || d.Effect != string(decide.Permit) || len(d.Uses) != 1 {
		t.Errorf("%+v", d)
	}
}

// TestNobodyIsNamedAnywhere: seeded markers appear in no log, metric, span, header, record or file. Paths and queries count as people.
func TestNobodyIsNamedAnywhere(t *testing.T) {
	r := recording(t, func(b *ir.Bundle) { onMissing(b, ir.OnMissingDropAddressee) })
	addr := r.listen(netip.MustParseAddrPort("192.0.2.1:80"))
	parent := "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
	answers := raw(t, addr, post(parent, mixed))
	answers += raw(t, addr, post("", strings.ReplaceAll(mixed, "anna@", "marker-clara@")))
	answers += raw(t, addr, get("GET /v1/customers?email=marker-dora@example.org", ""))
	answers += raw(t, addr, get("GET /v1/marker-emil@example.org", ""))
	answers += raw(t, addr, get("GET /v1/customers", ""))
	r.one(idIn(t, idInHeader, answers))

	counted := r.metrics.Text()
	spans, err := json.Marshal(tracetest.SpanStubsFromReadOnlySpans(r.spans.Ended()))
	if err != nil {
		t.Fatal(err)
	}
	var files bytes.Buffer
	_ = filepath.Walk(r.dir, func(path string, i os.FileInfo, err error) error {
		if err == nil && !i.IsDir() {
			data, _ := os.ReadFile(path) // may be gone already
			files.WriteString(path + string(data))
		}
		return nil
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.log.Len() == 0 || len(spans) < 100 || r.sent.Len() == 0 || counted == "" {
		t.Fatal("there is nothing to look at")
	}
	for where, text := range map[string]string{
		"log": r.log.String(), "metrics": counted, "spans": string(spans), "records": r.sent.String(), "spool": files.String(), "answers": answers,
	} {
		if strings.Contains(text, "marker") || (where != "answers" && strings.Contains(text, "anna@")) {
			t.Errorf("a person is named in %s:\n%s", where, text)
		}
	}
}

func TestTheApplicationsTraceGoesOn(t *testing.T) {
	r := recording(t, nil)
	addr := r.listen(netip.MustParseAddrPort("192.0.2.1:80"))
	answer := raw(t, addr, post("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n", newsletter))
	var span sdktrace.ReadOnlySpan
	for end := time.Now().Add(30 * time.Second); span == nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
		if all := r.spans.Ended(); len(all) > 0 {
			span = all[0]
		}
	}
	if span == nil {
		t.Fatal("no span")
	}
	sent := r.requests()[0].header.Get("Traceparent")
	if span.Parent().SpanID().String() != "b7ad6b7169203331" || sent != "00-0af7651916cd43dd8448eb211c80319c-"+span.SpanContext().SpanID().String()+"-01" {
		t.Errorf("parent %s, passed on %s", span.Parent().SpanID(), sent)
	}
	attributes := map[string]string{}
	for _, a := range span.Attributes() {
		attributes[string(a.Key)] = a.Value.String()
	}
	if attributes["optup.decision"] != idIn(t, idInHeader, answer) || attributes["optup.purpose"] != "newsletter" || attributes["optup.people.permitted"] != "1" {
		t.Errorf("%v", slices.Collect(maps.Keys(attributes)))
	}
}

func TestWithoutATracerTheHeaderPassesAsItIs(t *testing.T) {
	r := shop(t, nil)
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), post("traceparent: "+parent+"\r\n", newsletter))
	if got := r.requests()[0].header.Get("Traceparent"); got != parent {
		t.Errorf("passed on %q", got)
	}
}

// TestWhatIsCounted: per route, purpose and reason, also where nothing is enforced.
func TestWhatIsCounted(t *testing.T) {
	r := recording(t, func(b *ir.Bundle) { onMissing(b, ir.OnMissingDropAddressee) })
	addr := r.listen(netip.MustParseAddrPort("192.0.2.1:80"))
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		time.Sleep(100 * time.Millisecond)
		w.WriteHeader(http.StatusAccepted)
	}
	raw(t, addr, post("", mixed))
	var text string
	sum := func(name string) float64 {
		if m := regexp.MustCompile(`optup_sidecar_` + name + `_seconds_sum\{[^}]*\} (\S+)`).FindStringSubmatch(text); m != nil {
			f, _ := strconv.ParseFloat(m[1], 64)
			return f
		}
		return 0
	}
	for end := time.Now().Add(30 * time.Second); sum("request_duration") == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		text = r.metrics.Text() // the answer is there before its end is measured
	}
	for _, want := range []string{
		`optup_sidecar_decisions_total\{effect="permit-filtered",endpoint="[^"]+",mode="Enforce",purpose="newsletter",reason="NOT_PERMITTED",service="[^"]+"\} 1`,
		`optup_sidecar_people_total\{endpoint="[^"]+",mode="Enforce",purpose="newsletter",reason="NOT_PERMITTED",service="[^"]+"\} 1`,
		`optup_sidecar_filtered_total\{endpoint="[^"]+",purpose="newsletter",service="[^"]+"\} 1`,
		`optup_sidecar_bytes_total\{direction="in",endpoint="[^"]+",service="[^"]+"\} 1[0-9][0-9]`,
		`optup_sidecar_request_duration_seconds_bucket\{endpoint="[^"]+",service="[^"]+",le="0.1"\} 0`,
		`optup_sidecar_overhead_seconds_count\{endpoint="[^"]+",service="[^"]+"\} 1`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("not there: %s\nin\n%s", want, text)
		}
	}
	if all, own := sum("request_duration"), sum("overhead"); own <= 0 || all-own < 0.1 {
		t.Errorf("%v s of %v s are the sidecar's own, and the service took 0.1 s", own, all)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	r := shop(t, nil)
	x := &exchange{proxy: r.proxy, w: &once{}, state: r.current.Load(), r: &http.Request{}}
	r.proxy.Logger = slog.New(slog.DiscardHandler)
	count := func() {
		r.proxy.Metrics.decision(x, decide.Deny, decide.EndpointUnknown)
		r.proxy.Metrics.served(x, time.Millisecond, time.Microsecond)
	}
	count()
	if n := testing.AllocsPerRun(1000, count); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}

func BenchmarkCounting(b *testing.B) {
	m := NewMetrics(metrics.New())
	index := decide.NewIndex(&ir.Bundle{Mode: ir.ModeEnforce})
	x := &exchange{proxy: &Proxy{Metrics: m, Logger: slog.New(slog.DiscardHandler)}, w: &once{}, state: &State{Index: index}, r: &http.Request{}}
	b.ReportAllocs()
	for b.Loop() {
		m.decision(x, decide.Permit, "")
		m.served(x, time.Millisecond, time.Microsecond)
	}
}
