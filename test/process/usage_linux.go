package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// HighWater is the most memory that was ever resident, in bytes.
func (p *Process) HighWater() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if rest, found := bytes.CutPrefix(line, []byte("VmHWM:")); found {
			kb, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no resident size", p.name)
}

// Descriptors is how many files and connections are open.
func (p *Process) Descriptors() (int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	return len(entries), err
}

// Stopped tells whether every thread of the program was stopped by a signal.
func (p *Process) Stopped() (bool, error) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.cmd.Process.Pid))
	if err != nil {
		return false, err
	}
	for _, t := range threads {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/stat", p.cmd.Process.Pid, t.Name()))
		if err != nil {
			return false, err
		}
		if end := bytes.LastIndexByte(text, ')'); end < 0 || len(text) < end+3 || text[end+2] != 'T' {
			return false, nil
		}
	}
	return true, nil
}

// Confine bounds the address space, in bytes.
func (p *Process) Confine(space uint64) error {
	return unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_AS, &unix.Rlimit{Cur: space, Max: space}, nil)
}

// Nice gives every thread of the program the lowest priority; threads that begin later inherit it.
func (p *Process) Nice() error {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.cmd.Process.Pid))
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, id, 19) // it may have ended
		}
	}
	return err
}
