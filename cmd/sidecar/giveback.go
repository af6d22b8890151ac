package main

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"
)

// giveBack gives the system back what only the start needed, once there are facts to decide by: the snapshot's leavings, and the pages of the
// program that are not read any more. It waits as long as an application would.
func (s *sidecar) giveBack(ctx context.Context) {
	end := time.NewTimer(s.startup.limit)
	defer end.Stop()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for waiting := true; waiting && s.withoutFacts(); {
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			waiting = false
		case <-look.C:
		}
	}
	debug.FreeOSMemory()
	if err := unmapProgram(); err != nil {
		slog.Info("pages of the program stay in memory", "error", err)
	}
}
