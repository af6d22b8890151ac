// Package client receives a workload's bundles from the manager: for the sidecar and for the ledger.
//
// It keeps the last good bundle in the state folder, hands it over before the manager can be reached, and acknowledges what was
// taken into force. It knows no Kubernetes and decides nothing. Bundles come from internal/distribute/server and go, through
// Options.Apply, to internal/proxy or internal/ledger.
package client
