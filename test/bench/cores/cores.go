package cores

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Free lets a process, and all that it started, run on every processor that this machine had when this program began.
func Free(pid int) error { return bind(pid, &all) }

// Bind keeps a process, and all that it started, to one processor. What they start from now on stays there, too.
func Bind(pid, core int) error {
	if runtime.NumCPU() < 2 {
		return errors.New("this needs two cores: one for who asks, one for who answers")
	}
	var one unix.CPUSet
	one.Set(core)
	return bind(pid, &one)
}

var all = func() (set unix.CPUSet) {
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		panic(err) // the arguments are right
	}
	return set
}()

// bind looks again for as long as there are threads that it has not met: one that was not bound yet may have started another.
func bind(pid int, set *unix.CPUSet) error {
	met := map[int]bool{}
	for more := true; more; {
		more = false
		family, err := family(pid)
		if err != nil {
			return err
		}
		for _, p := range family {
			for _, thread := range threads(p) {
				if met[thread] {
					continue
				}
				met[thread], more = true, true
				if err := unix.SchedSetaffinity(thread, set); err != nil && !errors.Is(err, unix.ESRCH) {
					return fmt.Errorf("the process %d cannot be bound to a core: %w", p, err)
				}
			}
		}
	}
	return nil
}

// threads of a process; none of one that has ended.
func threads(pid int) (out []int) {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, e := range entries {
		if id, err := strconv.Atoi(e.Name()); err == nil {
			out = append(out, id)
		}
	}
	return out
}

// family is a process with its descendants.
func family(pid int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, e := range entries {
		if id, err := strconv.Atoi(e.Name()); err == nil {
			children[parent(id)] = append(children[parent(id)], id)
		}
	}
	out := []int{pid}
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i]]...)
	}
	return out, nil
}

// parent of a process; 0 of one that has ended. The name stands in brackets and may hold anything.
func parent(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	id, _ := strconv.Atoi(fields[1])
	return id
}
