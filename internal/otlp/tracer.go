package otlp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
	"go.opentelemetry.io/otel/trace/noop"
)

// Tracer makes spans. It is safe for concurrent use.
type Tracer struct {
	embedded.Tracer
	sampled sampler
	ended   chan *span
	// full wakes who sends, once there are enough for one message.
	full chan struct{}
}

// Start implements trace.Tracer. A span that is not sampled only passes its context on.
func (t *Tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	c := trace.NewSpanStartConfig(options...)
	parent := trace.SpanContextFromContext(ctx)
	own := trace.SpanContextConfig{TraceID: parent.TraceID(), TraceState: parent.TraceState()}
	if !parent.TraceID().IsValid() {
		binary.NativeEndian.PutUint64(own.TraceID[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(own.TraceID[8:], 1+rand.Uint64N(1<<64-1)) // never all zero
	}
	binary.NativeEndian.PutUint64(own.SpanID[:], 1+rand.Uint64N(1<<64-1))
	own.TraceFlags = parent.TraceFlags().WithSampled(t.sampled(parent, own.TraceID))
	if !own.TraceFlags.IsSampled() {
		ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(own))
		return ctx, trace.SpanFromContext(ctx)
	}
	s := &span{tracer: t, context: trace.NewSpanContext(own), parent: parent, name: name, kind: c.SpanKind(), start: c.Timestamp(), attributes: c.Attributes()}
	if s.start.IsZero() {
		s.start = time.Now()
	}
	return trace.ContextWithSpan(ctx, s), s
}

// span is one that is sampled.
type span struct {
	embedded.Span
	tracer  *Tracer
	context trace.SpanContext
	parent  trace.SpanContext
	kind    trace.SpanKind
	start   time.Time

	mu         sync.Mutex
	name       string
	attributes []attribute.KeyValue
	code       codes.Code
	// description goes with an error.
	description string
	end         time.Time
}

// End implements trace.Span. Only the first call counts. A span that nobody can take is lost, so that no request waits for it.
func (s *span) End(options ...trace.SpanEndOption) {
	c := trace.NewSpanEndConfig(options...)
	at := c.Timestamp()
	if at.IsZero() {
		at = time.Now()
	}
	s.mu.Lock()
	first := s.end.IsZero()
	if first {
		s.end = at
	}
	s.mu.Unlock()
	if !first {
		return
	}
	select {
	case s.tracer.ended <- s:
	default:
	}
	if len(s.tracer.ended) >= together {
		select {
		case s.tracer.full <- struct{}{}:
		default:
		}
	}
}

// change calls fn unless the span has ended.
func (s *span) change(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end.IsZero() {
		fn()
	}
}

// SetAttributes implements trace.Span.
func (s *span) SetAttributes(all ...attribute.KeyValue) {
	s.change(func() { s.attributes = append(s.attributes, all...) })
}

// SetStatus implements trace.Span.
func (s *span) SetStatus(code codes.Code, description string) {
	s.change(func() { s.code, s.description = code, description })
}

// SetName implements trace.Span.
func (s *span) SetName(name string) { s.change(func() { s.name = name }) }

// SpanContext implements trace.Span.
func (s *span) SpanContext() trace.SpanContext { return s.context }

// IsRecording implements trace.Span.
func (s *span) IsRecording() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end.IsZero()
}

// AddEvent, AddLink and RecordError implement trace.Span. Our spans have none of these.
func (*span) AddEvent(string, ...trace.EventOption)   {}
func (*span) AddLink(trace.Link)                      {}
func (*span) RecordError(error, ...trace.EventOption) {}

// TracerProvider implements trace.Span.
func (*span) TracerProvider() trace.TracerProvider { return noop.NewTracerProvider() }

// sampler tells whether a span is made, by its parent, which may be none, and the trace's id.
type sampler func(parent trace.SpanContext, id trace.TraceID) bool

// sampling reads OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG.
func sampling() (sampler, error) {
	name := strings.ToLower(strings.TrimSpace(os.Getenv("OTEL_TRACES_SAMPLER")))
	if name == "" {
		name = "parentbased_always_on"
	}
	root, byParent := strings.CutPrefix(name, "parentbased_")
	var own sampler
	switch root {
	case "always_on":
		own = func(trace.SpanContext, trace.TraceID) bool { return true }
	case "always_off":
		own = func(trace.SpanContext, trace.TraceID) bool { return false }
	case "traceidratio":
		ratio := 1.0
		if arg := os.Getenv("OTEL_TRACES_SAMPLER_ARG"); arg != "" {
			var err error
			if ratio, err = strconv.ParseFloat(arg, 64); err != nil || ratio < 0 || ratio > 1 {
				return nil, errors.New("OTEL_TRACES_SAMPLER_ARG: write a number from 0 to 1")
			}
		}
		// As OpenTelemetry has it, so that everybody samples the same traces.
		bound := uint64(ratio * (1 << 63))
		own = func(_ trace.SpanContext, id trace.TraceID) bool { return binary.BigEndian.Uint64(id[8:16])>>1 < bound }
	default:
		return nil, fmt.Errorf("OTEL_TRACES_SAMPLER %q is unknown; use always_on, always_off or traceidratio, each also after parentbased_", name)
	}
	if !byParent {
		return own, nil
	}
	return func(parent trace.SpanContext, id trace.TraceID) bool {
		if parent.IsValid() {
			return parent.IsSampled()
		}
		return own(parent, id)
	}, nil
}
