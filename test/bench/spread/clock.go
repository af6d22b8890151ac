package spread

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// origin is a moment of this process, and what the clock that all processes of a machine share said then.
var origin, shared = func() (time.Time, int64) {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // every Linux has it
	return time.Now(), ts.Nano()
}()

// now is a time that all processes of a machine share, in nanoseconds. It takes no system call: what is measured may be called 100,000 times a second.
func now() int64 { return shared + int64(time.Since(origin)) }

// moments are the times of a round's events, by number, in memory that ledger and subscribers share.
type moments struct{ at []atomic.Int64 }

// maxMoments is more than a round has.
const maxMoments = 1 << 20

// shareMoments maps a file; whoever comes first makes it.
func shareMoments(path string) (moments, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return moments{}, err
	}
	defer func() { _ = f.Close() }()
	if err := f.Truncate(maxMoments * 8); err != nil {
		return moments{}, err
	}
	raw, err := unix.Mmap(int(f.Fd()), 0, maxMoments*8, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return moments{}, fmt.Errorf("%s cannot be shared: %w", path, err)
	}
	return moments{unsafe.Slice((*atomic.Int64)(unsafe.Pointer(&raw[0])), maxMoments)}, nil
}

// number finds the position of the event that bytes are about: the first member of a change.
func number(frame []byte) (uint64, bool) {
	const member = `{"position":`
	for i := 0; i+len(member) < len(frame); i++ {
		if string(frame[i:i+len(member)]) != member {
			continue
		}
		n, digits := uint64(0), 0
		for _, c := range frame[i+len(member):] {
			if c < '0' || c > '9' {
				break
			}
			n, digits = n*10+uint64(c-'0'), digits+1
		}
		return n, digits > 0
	}
	return 0, false
}

// length is that of a frame's payload.
func length(header []byte) int { return int(binary.BigEndian.Uint32(header)) }

// quantile of sorted values.
func quantile(sorted []int64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[min(int(q*float64(len(sorted))), len(sorted)-1)])
}

func sorted(v []int64) []int64 {
	slices.Sort(v)
	return v
}
