// Package otlp makes traces and sends them to a receiver of OpenTelemetry: OTLP over HTTP in its JSON encoding, which every receiver of OTLP
// over HTTP takes.
//
// It stands behind OpenTelemetry's own interface, and is as much of an SDK as spans need that have attributes and a status, but no events, no
// links and no children in this process. OpenTelemetry's SDK and exporter link gRPC, protobuf and much else, which every sidecar would
// keep in memory (see proxy.memory in test/bench). What is left is set by OpenTelemetry's variables. Spans come from internal/proxy; nothing
// is known of what they say.
package otlp
