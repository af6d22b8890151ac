// Package metrics counts and writes what was counted in Prometheus's text format.
//
// It is as much of a metrics library as the sidecar needs: counters, histograms of durations, and gauges that are asked for when somebody
// looks. Prometheus's own library links protobuf and two parsers, which every sidecar would keep in memory (see proxy.memory in test/bench);
// manager and ledger use it.
// The package knows nothing of what is counted. Numbers come from internal/proxy and cmd/sidecar and go to whoever scrapes.
package metrics
