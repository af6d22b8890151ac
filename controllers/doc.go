// Package controllers is what the manager does with the cluster: it gathers objects, has them compiled, publishes the bundles, tells
// what became of them, and runs the ledgers.
//
// It decides nothing: translation is in internal/translate, decisions about policy in internal/compile, about pods in
// internal/inject. Reconcilers follow the phases gather, compile, publish, report. Own earlier status is never an input.
package controllers
