package main

import (
	"context"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// endpointVariables are those of OpenTelemetry that name where traces go. Without one, and without the flag, there are none.
var endpointVariables = []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"}

// newTracer gives a tracer that exports by OTLP over HTTP, and what sends the rest at the end; nil for none. Everything else is set by
// the variables of OpenTelemetry, such as OTEL_TRACES_SAMPLER.
func newTracer(ctx context.Context, o options) (trace.Tracer, func(context.Context), error) {
	var options []otlptracehttp.Option
	if o.traces != "" {
		options = append(options, otlptracehttp.WithEndpointURL(o.traces))
	} else if os.Getenv(endpointVariables[0]) == "" && os.Getenv(endpointVariables[1]) == "" {
		return nil, func(context.Context) {}, nil
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, nil, err
	}
	// The names that the manager gave the pod, and nothing of the machine.
	named := resource.NewSchemaless(
		attribute.String("service.name", "optup-sidecar"), attribute.String("service.version", version),
		attribute.String("k8s.namespace.name", os.Getenv("POD_NAMESPACE")), attribute.String("k8s.pod.name", os.Getenv("POD_NAME")),
	)
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter, sdktrace.WithBatchTimeout(2*time.Second)), sdktrace.WithResource(named))
	return provider.Tracer("github.com/optup/optup"), func(ctx context.Context) { _ = provider.Shutdown(ctx) }, nil
}
