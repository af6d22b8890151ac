package client

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bootTime is the time since the machine started, suspend included. The scheduler is not told of the call: each request makes one, and it
// never blocks.
func bootTime() time.Duration {
	var ts unix.Timespec
	if _, _, err := unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_BOOTTIME, uintptr(unsafe.Pointer(&ts)), 0); err != 0 {
		// Every Linux since 2.6.39 has this clock. Without it nothing could be said about age.
		panic("CLOCK_BOOTTIME is not available: " + err.Error())
	}
	return time.Duration(ts.Nano())
}
