package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
)

type mount struct{ path, kind string }

// mounts reads the mount points of this machine in the order in which they were made.
func mounts() []mount {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	defer file.Close()
	var list []mount
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		before, after, found := strings.Cut(lines.Text(), " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if found && len(fields) > 4 && len(kind) > 0 {
			list = append(list, mount{path: unescape.Replace(fields[4]), kind: kind[0]})
		}
	}
	return list
}

func (c cluster) ownMounts() []string {
	var own []string
	for _, m := range mounts() {
		if strings.HasPrefix(m.path, c.state+"/") || strings.HasPrefix(m.path, c.run+"/") {
			own = append(own, m.path)
		}
	}
	slices.Reverse(own)
	return own
}

func (c cluster) unmountAll() error {
	var problems []error
	for _, path := range c.ownMounts() {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
			problems = append(problems, fmt.Errorf("unmount %s: %w", path, err))
		}
	}
	return errors.Join(problems...)
}
