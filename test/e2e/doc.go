// Package e2e holds the end-to-end tests: real pods on a real cluster, with the shop of the demo as the application. `make e2e` runs
// them. Faults are made on the processes of the node, so specs with faults need the local cluster.
package e2e
