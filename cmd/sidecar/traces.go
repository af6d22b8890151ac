package main

import (
	"context"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/optup/optup/internal/otlp"
)

// newTracer gives a tracer that exports by OTLP over HTTP, and what sends the rest at the end; nil for none, which is so unless the flag or
// a variable of OpenTelemetry names a receiver. Everything else is set by the variables, such as OTEL_TRACES_SAMPLER.
func newTracer(o options) (trace.Tracer, func(context.Context), error) {
	if o.traces == "" && !otlp.Configured() {
		return nil, func(context.Context) {}, nil
	}
	exporter, err := otlp.New(o.traces)
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
