package main

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// unmapProgram gives up the pages of the program itself that were read so far: most of them only the start needed, or they lie beside one that
// it needed. Whatever is needed again comes back from the file at the next touch. Only what nobody wrote to is given up: such pages are in
// the file as they are in memory.
func unmapProgram() error {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return err
	}
	for _, m := range readOnly(text, self) {
		if _, _, failed := unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED); failed != 0 {
			return failed
		}
	}
	return nil
}

// mapping is a part of the address space.
type mapping struct{ from, to uintptr }

// readOnly finds, in what the kernel says of the address space, the parts of a file that cannot be written and of which no page was ever
// changed, also not before it became read-only.
func readOnly(smaps []byte, file string) (out []mapping) {
	var candidate bool
	var m mapping
	for line := range bytes.Lines(smaps) {
		fields := bytes.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if !bytes.HasSuffix(fields[0], []byte(":")) {
			candidate = len(fields) == 6 && string(fields[5]) == file && len(fields[1]) == 4 && fields[1][1] == '-'
			low, high, _ := bytes.Cut(fields[0], []byte("-"))
			from, wrong := strconv.ParseUint(string(low), 16, 64)
			to, broken := strconv.ParseUint(string(high), 16, 64)
			m, candidate = mapping{uintptr(from), uintptr(to)}, candidate && wrong == nil && broken == nil && from < to
		} else if candidate && string(fields[0]) == "Anonymous:" {
			// Pages of a file that were written have a copy that is in no file.
			if candidate = false; len(fields) > 1 && string(fields[1]) == "0" {
				out = append(out, m)
			}
		}
	}
	return out
}
