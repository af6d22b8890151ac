// Package road drives a real cluster for the demo and the end-to-end tests: it installs OptUp, applies the shop, reads figures from
// the running parts and writes to the ledger as a touchpoint would. It asserts nothing.
package road
