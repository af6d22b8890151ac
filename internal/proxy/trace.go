package proxy

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/optup/optup/internal/decide"
)

// traceContext reads and writes the W3C header traceparent, and tracestate with it. Baggage may hold people and is left as it is.
var traceContext propagation.TraceContext

// trace begins the span of a request within the application's trace, and passes it on to the service. Without a tracer it costs nothing.
func (x *exchange) trace() {
	if x.proxy.Tracer == nil {
		return
	}
	headers := propagation.HeaderCarrier(x.r.Header)
	ctx := traceContext.Extract(x.r.Context(), headers)
	ctx, x.span = x.proxy.Tracer.Start(ctx, "optup decide", trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(x.start))
	traceContext.Inject(ctx, headers)
	// Only the header is passed on. The request's own context stays: what is in a trace's context must not end requests.
}

// spanned notes the outcome. Names of resources and counts, never a path, a query or an identifier.
func (x *exchange) spanned(effect decide.Effect, reason decide.Reason) {
	if x.span == nil {
		return
	}
	a := x.about()
	x.span.SetAttributes(
		attribute.String("optup.decision", x.use.ID().String()), attribute.String("optup.effect", string(effect)),
		attribute.String("optup.reason", string(shown(reason))), attribute.String("optup.mode", string(a.Mode)),
		attribute.String("optup.purpose", string(a.Purpose)), attribute.String("optup.service", a.Service), attribute.String("optup.endpoint", a.Endpoint),
		attribute.Int64("optup.generation", a.Generation),
		attribute.Int("optup.people.permitted", x.people.permitted), attribute.Int("optup.people.refused", x.people.refused),
	)
	if reason == decide.InternalError {
		x.span.SetStatus(codes.Error, string(decide.InternalError))
	}
}

func (x *exchange) traced() {
	if x.span == nil {
		return
	}
	x.span.SetAttributes(
		attribute.Int64("optup.request.bytes", x.in.Load()), attribute.Int64("optup.answer.bytes", x.w.bytes),
		attribute.Float64("optup.waiting.seconds", (x.waiting+x.w.waiting).Seconds()),
	)
	x.span.End()
}
