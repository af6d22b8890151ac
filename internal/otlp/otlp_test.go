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
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
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

// export sends one span, with what make adds to it.
func export(t *testing.T, e *otlp.Exporter, change func(trace.Span)) error {
	t.Helper()
	var failed error
	p := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(&direct{e, &failed}), sdktrace.WithSampler(sdktrace.AlwaysSample()),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "sidecar"))),
	)
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2}, SpanID: trace.SpanID{3}, TraceFlags: trace.FlagsSampled, Remote: true})
	_, span := p.Tracer("optup").Start(trace.ContextWithRemoteSpanContext(t.Context(), parent), "optup decide",
		trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(time.Unix(10, 20)))
	change(span)
	span.End(trace.WithTimestamp(time.Unix(11, 21)))
	return failed
}

// direct exports each span as it ends.
type direct struct {
	*otlp.Exporter
	err *error
}

func (d *direct) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (d *direct) OnEnd(s sdktrace.ReadOnlySpan) {
	*d.err = d.ExportSpans(context.Background(), []sdktrace.ReadOnlySpan{s})
}
func (d *direct) ForceFlush(context.Context) error { return nil }

func TestASpanArrivesAsOTLPHasIt(t *testing.T) {
	r := &received{t: t}
	s := httptest.NewServer(r)
	defer s.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, tenant=x")
	e, err := otlp.New(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := export(t, e, func(s trace.Span) {
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
	if a := all[0].GetResource().GetAttributes(); len(a) != 1 || a[0].GetKey() != "service.name" || a[0].GetValue().GetStringValue() != "sidecar" {
		t.Errorf("resource %v", a)
	}
	if got := all[0].GetScopeSpans()[0].GetScope().GetName(); got != "optup" {
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
		with   int
		asked  int32
		failed bool
	}{
		"busy": {http.StatusServiceUnavailable, 2, false}, "too much": {http.StatusTooManyRequests, 2, false},
		"refused": {http.StatusBadRequest, 1, true}, "sent elsewhere": {http.StatusTemporaryRedirect, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := &received{t: t, busy: 1, with: c.with}
			s := httptest.NewServer(r)
			defer s.Close()
			e, err := otlp.New(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			if err := export(t, e, func(trace.Span) {}); (err != nil) != c.failed || r.asked.Load() != c.asked {
				t.Errorf("asked %d times, %v", r.asked.Load(), err)
			}
		})
	}
}

func TestAReceiverThatIsAwayIsGivenUpInTime(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "50")
	e, err := otlp.New("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := export(t, e, func(trace.Span) {}); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("%v", err)
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
		"no key":                   {map[string]string{"ENDPOINT": "URL", "CLIENT_CERTIFICATE": "/does/not/exist"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &received{t: t}
			s := httptest.NewServer(r)
			defer s.Close()
			for k, v := range c.variables {
				t.Setenv("OTEL_EXPORTER_OTLP_"+k, strings.ReplaceAll(v, "URL", s.URL))
			}
			if !otlp.Configured() {
				t.Error("no receiver is named")
			}
			e, err := otlp.New("")
			if (err != nil) != (c.path == "") {
				t.Fatalf("%v", err)
			}
			if err != nil {
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("a header is told: %v", err)
				}
				return
			}
			if err := export(t, e, func(trace.Span) {}); err != nil || r.path != c.path {
				t.Errorf("%v, sent to %s", err, r.path)
			}
		})
	}
}
