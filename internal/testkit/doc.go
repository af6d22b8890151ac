// Package testkit holds what tests of every layer share: golden files, a clock that stands still, and whether the race detector is on.
//
// It is imported by tests only (internal/archtest sees to that) and knows nothing of the domain, so that any package may use it.
// For code that waits on timers use testing/synctest instead of Clock.
package testkit
