// Package faults shows what a sidecar does when something around it fails, and when it fails itself. It holds tests only.
//
// Each test has a world of its own: the built ledger and the built sidecar as processes, a relay between the two that can be cut, can
// swallow and can be slow, and in the test itself the service and the applications. People are those of test/bypass/market: whatever of
// somebody without permission arrives anywhere is found by its marker.
package faults
