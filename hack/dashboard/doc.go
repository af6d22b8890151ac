// Command dashboard draws a picture of the Grafana dashboard in charts/optup/files/dashboard.json with the data of a real run.
//
// It starts the built programs on loopback addresses (ledger, a sidecar for each workload, the shop, and the manager before an API
// server without nodes), makes traffic for about a minute, with withdrawals, an absent ledger and an absent mail provider in it, and
// reads their metrics every second into the storage of Prometheus. The panels' own queries are then asked of Prometheus's engine, and
// what they give is drawn in the dashboard's layout as one page, of which Chromium takes a picture. Prometheus and its engine are the
// real ones, as libraries; Grafana is not part of it, so fonts and axes are this program's. A query that gives nothing is told, and ends
// the command with a failure.
//
// The module is one of its own, so that nothing of the product links Prometheus. It knows the product by its programs, its metrics and
// the dashboard only.
package main
