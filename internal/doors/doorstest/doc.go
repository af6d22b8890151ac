// Package doorstest holds whoever answers AuthZEN questions to the Authorization API 1.0. It knows neither the ledger nor a sidecar: what it
// asks them comes from their tests.
package doorstest
