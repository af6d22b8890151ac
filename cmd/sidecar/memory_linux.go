package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// keepMemory keeps what the sidecar holds in memory to itself: no dump of its core is written, and no other process of its user reads it.
func keepMemory() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid dumps of the core: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("keep the memory from other processes: %w", err)
	}
	return nil
}
