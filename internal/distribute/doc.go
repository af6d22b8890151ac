// Package distribute is how bundles get from the manager to sidecars and ledgers: configv1 is the wire, server the manager's
// side, client the other. Nothing is compiled or decided here.
package distribute
