//go:build race

package proxy

import "syscall"

// untoldCall tells the scheduler after all, and the race detector with it: in tests both ends of a connection are in one process, and what
// one did before it wrote is before what the other does after it read.
func untoldCall(number, fd uintptr, b []byte) (int, syscall.Errno) {
	do := syscall.Read
	if number == syscall.SYS_WRITE {
		do = syscall.Write
	}
	for {
		n, err := do(int(fd), b)                                       //nolint:gosec // a descriptor
		if number, _ := err.(syscall.Errno); number != syscall.EINTR { //nolint:errorlint // a call gives its number
			return max(n, 0), number
		}
	}
}
