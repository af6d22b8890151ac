// Package otlp sends finished spans to a receiver of OpenTelemetry: OTLP over HTTP in its JSON encoding, which every receiver of OTLP over
// HTTP takes.
//
// OpenTelemetry's own exporter links gRPC and protobuf, which made up a quarter of the sidecar's memory. Making spans, sampling and batching
// stay with OpenTelemetry's SDK; only the last step is here. Spans come from the SDK in cmd/sidecar; nothing is known of what they say.
package otlp
