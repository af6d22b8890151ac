package main

import (
	"context"
	"os"

	"go.opentelemetry.io/otel/trace"

	"github.com/optup/optup/internal/otlp"
)

// newTracer gives a tracer that exports by OTLP over HTTP, and what sends the rest at the end; nil for none, which is so unless the flag or
// a variable of OpenTelemetry names a receiver. Everything else is set by the variables, such as OTEL_TRACES_SAMPLER.
func newTracer(o options) (trace.Tracer, func(context.Context), error) {
	if o.traces == "" && !otlp.Configured() {
		return nil, func(context.Context) {}, nil
	}
	// The names that the manager gave the pod, and nothing of the machine.
	t, stop, err := otlp.Start(o.traces, map[string]string{
		"service.name": "optup-sidecar", "service.version": version,
		"k8s.namespace.name": os.Getenv("POD_NAMESPACE"), "k8s.pod.name": os.Getenv("POD_NAME"),
	})
	if err != nil {
		return nil, nil, err
	}
	return t, stop, nil
}
