//go:build unix

package stream

import "golang.org/x/sys/unix"

// writeNow writes what a socket takes without waiting.
func writeNow(fd uintptr, b []byte) (int, error) {
	for {
		switch n, err := unix.Write(int(fd), b); err {
		case nil:
			return n, nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		default:
			return 0, err
		}
	}
}
