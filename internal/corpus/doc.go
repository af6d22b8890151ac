// Package corpus reads the scenario folders of test/corpus for the tests that hold compiler, decision function and sidecar to them.
//
// It is imported by tests only. What a decision should be is written by hand in decisions.yaml and never generated.
package corpus
