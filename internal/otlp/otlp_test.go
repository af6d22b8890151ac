package otlp_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracespb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/optup/optup/internal/otlp"
)

// received is what a receiver got: decoded by OpenTelemetry's own messages, which refuse every member that OTLP does not have.
type received struct {
	t       *testing.T
	path    string
	headers http.Header
	request *collector.ExportTraceServiceRequest
	asked   atomic.Int32
	// busy is how often it turns a request away.
	busy int32
	with int
}

func (r *received) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if r.asked.Add(1) <= r.busy {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(r.with)
		return
	}
	body, err := io.ReadAll(q.Body)
	if err != nil {
		r.t.Error(err)
	}
	r.path, r.headers, r.request = q.URL.Path, q.Header, &collector.ExportTraceServiceRequest{}
	if err := protojson.Unmarshal(body, r.request); err != nil {
		r.t.Errorf("%v in %s", err, body)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"partialSuccess":{}}`))
}

// send starts a tracer, makes one span with a parent, and stops it again.
func send(t *testing.T, endpoint string, change func(trace.Span)) error {
	t.Helper()
	tracer, stop, err := otlp.Start(endpoint, map[string]string{"service.name": "sidecar"})
	if err != nil {
		return err
	}
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2}, SpanID: trace.SpanID{3}, TraceFlags: trace.FlagsSampled, Remote: true})
	ctx, span := tracer.Start(trace.ContextWithRemoteSpanContext(t.Context(), parent), "optup decide",
		trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(time.Unix(10, 20)))
	if !span.IsRecording() || trace.SpanContextFromContext(ctx).SpanID() != span.SpanContext().SpanID() {
		t.Error("the span is not the one that is passed on")
	}
	change(span)
	span.End(trace.WithTimestamp(time.Unix(11, 21)))
	span.SetName("too late")
	span.End()
	stop(t.Context())
	return nil
}

func TestASpanArrivesAsOTLPHasIt(t *testing.T) {
	r := &received{t: t}
	s := httptest.NewServer(r)
	defer s.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, tenant=x")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=theirs,team=crm")
	if err := send(t, s.URL, func(s trace.Span) {
		s.SetAttributes(attribute.String("text", "before"))
		s.SetAttributes(attribute.String("text", "x\"y"), attribute.Int64("count", -1<<62), attribute.Float64("seconds", .25), attribute.Bool("yes", true),
			attribute.StringSlice("list", []string{"a", "b"}))
		s.SetStatus(codes.Error, "INTERNAL_ERROR")
	}); err != nil {
		t.Fatal(err)
	}
	if r.path != "/v1/traces" || r.headers.Get("Content-Type") != "application/json" || r.headers.Get("Api-Key") != "a b" || r.headers.Get("Tenant") != "x" {
		t.Errorf("sent to %s with %v", r.path, r.headers)
	}
	all := r.request.GetResourceSpans()
	if len(all) != 1 || len(all[0].GetScopeSpans()) != 1 || len(all[0].GetScopeSpans()[0].GetSpans()) != 1 {
		t.Fatalf("%v", r.request)
	}
	if a := all[0].GetResource().GetAttributes(); len(a) != 2 || a[0].GetKey() != "service.name" || a[0].GetValue().GetStringValue() != "sidecar" ||
		a[1].GetKey() != "team" || a[1].GetValue().GetStringValue() != "crm" {
		t.Errorf("resource %v", a)
	}
	if got := all[0].GetScopeSpans()[0].GetScope().GetName(); got != "github.com/optup/optup" {
		t.Errorf("scope %q", got)
	}
	one := all[0].GetScopeSpans()[0].GetSpans()[0]
	// OTLP has identifiers in hexadecimal, where other messages in JSON have base64, as which it is read here.
	text := base64.StdEncoding.EncodeToString
	if text(one.GetTraceId()) != "01020000000000000000000000000000" || len(text(one.GetSpanId())) != 16 || text(one.GetParentSpanId()) != "0300000000000000" {
		t.Errorf("trace %s, span %s, parent %s", text(one.GetTraceId()), text(one.GetSpanId()), text(one.GetParentSpanId()))
	}
	if one.GetName() != "optup decide" || one.GetKind() != tracespb.Span_SPAN_KIND_SERVER || one.GetStartTimeUnixNano() != 10_000_000_020 ||
		one.GetEndTimeUnixNano() != 11_000_000_021 || one.GetFlags() != 0x301 {
		t.Errorf("%v", one)
	}
	if one.GetStatus().GetCode() != tracespb.Status_STATUS_CODE_ERROR || one.GetStatus().GetMessage() != "INTERNAL_ERROR" {
		t.Errorf("status %v", one.GetStatus())
	}
	if n := len(one.GetAttributes()); n != 5 {
		t.Errorf("%d attributes", n)
	}
	got := map[string]*common.AnyValue{}
	for _, a := range one.GetAttributes() {
		got[a.GetKey()] = a.GetValue()
	}
	if got["text"].GetStringValue() != "x\"y" || got["count"].GetIntValue() != -1<<62 || got["seconds"].GetDoubleValue() != .25 || !got["yes"].GetBoolValue() ||
		got["list"].GetStringValue() != `["a","b"]` {
		t.Errorf("attributes %v", got)
	}
}

func TestABusyReceiverIsAskedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		with  int
		asked int32
	}{
		"busy": {http.StatusServiceUnavailable, 2}, "too much": {http.StatusTooManyRequests, 2}, "refused": {http.StatusBadRequest, 1},
		"sent elsewhere": {http.StatusTemporaryRedirect, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := &received{t: t, busy: 1, with: c.with}
			s := httptest.NewServer(r)
			defer s.Close()
			if err := send(t, s.URL, func(trace.Span) {}); err != nil || r.asked.Load() != c.asked {
				t.Errorf("asked %d times, %v", r.asked.Load(), err)
			}
		})
	}
}

// TestAReceiverThatIsAwayHoldsUpNobody: neither requests, whose spans are lost, nor the stop.
func TestAReceiverThatIsAwayHoldsUpNobody(t *testing.T) {
	held := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-held }))
	defer s.Close()
	defer close(held)
	tracer, stop, err := otlp.Start(s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		_, span := tracer.Start(t.Context(), "x")
		span.End()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	ended := make(chan struct{})
	go func() { stop(ctx); close(ended) }()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Error("the stop waits for the receiver")
	}
}

func TestManySpansAreSentTogetherAndSoon(t *testing.T) {
	r := &received{t: t}
	s := httptest.NewServer(r)
	defer s.Close()
	tracer, stop, err := otlp.Start(s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t.Context())
	seen := map[trace.SpanID]bool{}
	for range 600 {
		_, span := tracer.Start(t.Context(), "x")
		seen[span.SpanContext().SpanID()] = span.SpanContext().IsValid()
		span.End()
	}
	if len(seen) != 600 || seen[trace.SpanID{}] {
		t.Errorf("%d different spans", len(seen))
	}
	for end := time.Now().Add(30 * time.Second); r.asked.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing was sent")
		}
	}
}

func TestWhatIsSampled(t *testing.T) {
	id := func(last byte) trace.TraceID { return trace.TraceID{1, 8: last} }
	parent := func(flags trace.TraceFlags, id trace.TraceID) trace.SpanContext {
		return trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: trace.SpanID{1}, TraceFlags: flags, Remote: true})
	}
	yes, no, none := parent(trace.FlagsSampled, id(0xff)), parent(0, id(0)), trace.SpanContext{}
	for name, c := range map[string]struct {
		sampler, arg string
		parent       trace.SpanContext
		want         bool
	}{
		"as the parent: yes": {"", "", yes, true}, "as the parent: no": {"", "", no, false}, "no parent": {"", "", none, true},
		"always": {"always_on", "", no, true}, "never": {"always_off", "", yes, false},
		"never without a parent": {"parentbased_always_off", "", none, false}, "never but as the parent": {"parentbased_always_off", "", yes, true},
		"half: a low id": {"traceidratio", "0.5", no, true}, "half: a high id": {"traceidratio", "0.5", yes, false},
		"none of them": {"parentbased_traceidratio", "0", none, false}, "all": {"parentbased_traceidratio", "", none, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_TRACES_SAMPLER", c.sampler)
			t.Setenv("OTEL_TRACES_SAMPLER_ARG", c.arg)
			tracer, stop, err := otlp.Start("http://127.0.0.1:1", nil)
			if err != nil {
				t.Fatal(err)
			}
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			defer stop(gone)
			ctx, span := tracer.Start(trace.ContextWithRemoteSpanContext(t.Context(), c.parent), "x")
			own := trace.SpanContextFromContext(ctx)
			if span.IsRecording() != c.want || own.IsSampled() != c.want || !own.IsValid() || own.SpanID() == c.parent.SpanID() ||
				(c.parent.IsValid() && own.TraceID() != c.parent.TraceID()) {
				t.Errorf("recorded: %v, %+v", span.IsRecording(), own)
			}
		})
	}
}

func TestVariablesOfOpenTelemetry(t *testing.T) {
	for name, c := range map[string]struct {
		variables map[string]string
		path      string // "" for a mistake
	}{
		"for everything":           {map[string]string{"ENDPOINT": "URL"}, "/v1/traces"},
		"for everything, a folder": {map[string]string{"ENDPOINT": "URL/otlp/"}, "/otlp/v1/traces"},
		"for traces":               {map[string]string{"ENDPOINT": "http://127.0.0.1:1", "TRACES_ENDPOINT": "URL/mine"}, "/mine"},
		"no URL":                   {map[string]string{"ENDPOINT": "collector:4318"}, ""},
		"another protocol":         {map[string]string{"ENDPOINT": "URL", "PROTOCOL": "grpc"}, ""},
		"no headers":               {map[string]string{"ENDPOINT": "URL", "HEADERS": "secret"}, ""},
		"no time":                  {map[string]string{"ENDPOINT": "URL", "TIMEOUT": "1s"}, ""},
		"no authorities":           {map[string]string{"ENDPOINT": "URL", "CERTIFICATE": "/does/not/exist"}, ""},
		"no sampler":               {map[string]string{"ENDPOINT": "URL", "../TRACES_SAMPLER": "sometimes"}, ""},
		"no key":                   {map[string]string{"ENDPOINT": "URL", "CLIENT_CERTIFICATE": "/does/not/exist"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &received{t: t}
			s := httptest.NewServer(r)
			defer s.Close()
			for k, v := range c.variables {
				name, other := strings.CutPrefix(k, "../")
				if name = "OTEL_EXPORTER_OTLP_" + name; other {
					name = strings.Replace(name, "EXPORTER_OTLP_", "", 1)
				}
				t.Setenv(name, strings.ReplaceAll(v, "URL", s.URL))
			}
			if !otlp.Configured() {
				t.Error("no receiver is named")
			}
			err := send(t, "", func(trace.Span) {})
			if (err != nil) != (c.path == "") || r.path != c.path {
				t.Fatalf("%v, sent to %s", err, r.path)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("a header is told: %v", err)
			}
		})
	}
}
