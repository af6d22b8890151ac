//go:build !race

package proxy

import (
	"syscall"
	"unsafe"
)

// untoldCall reads or writes; b is not empty.
func untoldCall(number, fd uintptr, b []byte) (int, syscall.Errno) {
	for {
		n, _, err := syscall.RawSyscall(number, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch err {
		case 0:
			return int(n), 0 //nolint:gosec // no more than the length
		case syscall.EINTR:
		default:
			return 0, err
		}
	}
}
