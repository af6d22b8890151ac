package otlp

import (
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// The messages of OTLP in their JSON encoding (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): identifiers in
// hexadecimal, 64-bit numbers as text. They are as much as our spans have.
type (
	request struct {
		ResourceSpans []*resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resource      `json:"resource"`
		ScopeSpans []*scopeSpans `json:"scopeSpans"`
	}
	resource struct {
		Attributes []keyValue `json:"attributes"`
	}
	scopeSpans struct {
		Scope scope  `json:"scope"`
		Spans []span `json:"spans"`
	}
	scope struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	span struct {
		TraceID      string     `json:"traceId"`
		SpanID       string     `json:"spanId"`
		ParentSpanID string     `json:"parentSpanId,omitempty"`
		TraceState   string     `json:"traceState,omitempty"`
		Flags        uint32     `json:"flags"`
		Name         string     `json:"name"`
		Kind         int        `json:"kind"`
		Start        string     `json:"startTimeUnixNano"`
		End          string     `json:"endTimeUnixNano"`
		Attributes   []keyValue `json:"attributes,omitempty"`
		Dropped      int        `json:"droppedAttributesCount,omitempty"`
		Status       status     `json:"status"`
	}
	status struct {
		Code    int    `json:"code,omitempty"`
		Message string `json:"message,omitempty"`
	}
	keyValue struct {
		Key   string `json:"key"`
		Value value  `json:"value"`
	}
	value struct {
		String *string  `json:"stringValue,omitempty"`
		Bool   *bool    `json:"boolValue,omitempty"`
		Int    string   `json:"intValue,omitempty"`
		Double *float64 `json:"doubleValue,omitempty"`
	}
)

// Flags of OTLP that say whether the parent is of another process.
const (
	knowsParent   = 0x100
	foreignParent = 0x200
)

// encode puts spans together by what they are of. All are of one resource, which is that of the process.
func encode(spans []sdktrace.ReadOnlySpan) request {
	all := &resourceSpans{Resource: resource{Attributes: attributes(spans[0].Resource().Attributes())}}
	byScope := map[scope]*scopeSpans{}
	for _, s := range spans {
		name := scope{s.InstrumentationScope().Name, s.InstrumentationScope().Version}
		in := byScope[name]
		if in == nil {
			in = &scopeSpans{Scope: name}
			byScope[name] = in
			all.ScopeSpans = append(all.ScopeSpans, in)
		}
		in.Spans = append(in.Spans, one(s))
	}
	return request{[]*resourceSpans{all}}
}

func one(s sdktrace.ReadOnlySpan) span {
	c := s.SpanContext()
	out := span{
		TraceID: c.TraceID().String(), SpanID: c.SpanID().String(), TraceState: c.TraceState().String(), Flags: uint32(c.TraceFlags()) | knowsParent,
		// The SDK's kinds have the numbers of OTLP.
		Name: s.Name(), Kind: int(s.SpanKind()), Start: nanoseconds(s.StartTime()), End: nanoseconds(s.EndTime()),
		Attributes: attributes(s.Attributes()), Dropped: s.DroppedAttributes(),
	}
	if p := s.Parent(); p.SpanID().IsValid() {
		out.ParentSpanID = p.SpanID().String()
		if p.IsRemote() {
			out.Flags |= foreignParent
		}
	}
	switch s.Status().Code {
	case codes.Ok:
		out.Status.Code = 1
	case codes.Error:
		out.Status = status{Code: 2, Message: s.Status().Description}
	case codes.Unset:
	}
	return out
}

func nanoseconds(t time.Time) string { return strconv.FormatInt(max(t.UnixNano(), 0), 10) }

func attributes(all []attribute.KeyValue) []keyValue {
	out := make([]keyValue, 0, len(all))
	for _, a := range all {
		out = append(out, keyValue{string(a.Key), valueOf(a.Value)})
	}
	return out
}

// valueOf gives a value; lists, which none of our spans has, as text.
func valueOf(v attribute.Value) (out value) {
	switch v.Type() { //nolint:exhaustive // the rest is text
	case attribute.BOOL:
		b := v.AsBool()
		out.Bool = &b
	case attribute.INT64:
		out.Int = strconv.FormatInt(v.AsInt64(), 10)
	case attribute.FLOAT64:
		f := v.AsFloat64()
		out.Double = &f
	default:
		text := v.Emit()
		out.String = &text
	}
	return out
}
