package otlp

import (
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
)

// The messages of OTLP in their JSON encoding (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): identifiers in
// hexadecimal, 64-bit numbers as text. They are as much as our spans have.
type (
	request struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resource     `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	resource struct {
		Attributes []keyValue `json:"attributes"`
	}
	scopeSpans struct {
		Scope scope     `json:"scope"`
		Spans []message `json:"spans"`
	}
	scope struct {
		Name string `json:"name"`
	}
	message struct {
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

// scopeName is what makes the spans.
const scopeName = "github.com/optup/optup"

// encode puts spans of this process together.
func encode(about []keyValue, spans []*span) request {
	all := make([]message, len(spans))
	for i, s := range spans {
		all[i] = s.encoded()
	}
	return request{[]resourceSpans{{Resource: resource{about}, ScopeSpans: []scopeSpans{{Scope: scope{scopeName}, Spans: all}}}}}
}

// encoded is a span as OTLP has it. The span has ended, so that nobody changes it.
func (s *span) encoded() message {
	out := message{
		TraceID: s.context.TraceID().String(), SpanID: s.context.SpanID().String(), TraceState: s.context.TraceState().String(),
		// The kinds have the numbers of OTLP.
		Flags: uint32(s.context.TraceFlags()) | knowsParent, Name: s.name, Kind: int(s.kind),
		Start: nanoseconds(s.start), End: nanoseconds(s.end), Attributes: attributes(s.attributes),
	}
	if s.parent.SpanID().IsValid() {
		out.ParentSpanID = s.parent.SpanID().String()
		if s.parent.IsRemote() {
			out.Flags |= foreignParent
		}
	}
	switch s.code {
	case codes.Ok:
		out.Status.Code = 1
	case codes.Error:
		out.Status = status{Code: 2, Message: s.description}
	case codes.Unset:
	}
	return out
}

func nanoseconds(t time.Time) string { return strconv.FormatInt(max(t.UnixNano(), 0), 10) }

func attributes(all []attribute.KeyValue) []keyValue {
	out := make([]keyValue, 0, len(all))
	for _, a := range all {
		one := keyValue{string(a.Key), valueOf(a.Value)}
		if i := slices.IndexFunc(out, func(k keyValue) bool { return k.Key == one.Key }); i >= 0 {
			out[i] = one // the last counts
			continue
		}
		out = append(out, one)
	}
	return out
}

// valueOf gives a value; lists, which none of our spans has, as text.
func valueOf(v attribute.Value) (out value) {
	switch v.Type() {
	case attribute.BOOL:
		b := v.AsBool()
		out.Bool = &b
	case attribute.INT64:
		out.Int = strconv.FormatInt(v.AsInt64(), 10)
	case attribute.FLOAT64:
		f := v.AsFloat64()
		out.Double = &f
	default:
		text := v.String()
		out.String = &text
	}
	return out
}
