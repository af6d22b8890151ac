package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// podProcesses reads the processes of all pods from the cgroups below the cluster's own.
func (c cluster) podProcesses() []int {
	seen := map[int]bool{}
	for _, root := range ownCgroups() {
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || entry.Name() != "cgroup.procs" {
				return nil
			}
			data, _ := os.ReadFile(path)
			for _, line := range strings.Fields(string(data)) {
				if pid, err := strconv.Atoi(line); err == nil && pid > 0 {
					seen[pid] = true
				}
			}
			return nil
		})
	}
	var pids []int
	for pid := range seen {
		pids = append(pids, pid)
	}
	return pids
}

// cgroupRoots are the hierarchies of cgroup v1, or the one of v2.
func cgroupRoots() []string {
	var roots []string
	for _, m := range mounts() {
		if m.kind == "cgroup" || m.kind == "cgroup2" {
			roots = append(roots, m.path)
		}
	}
	return roots
}

func ownCgroups() []string {
	var own []string
	for _, root := range cgroupRoots() {
		path := filepath.Join(root, cgroupName)
		if _, err := os.Stat(path); err == nil {
			own = append(own, path)
		}
	}
	return own
}

// makeCgroups makes the cgroup below which the kubelet puts all pods.
func makeCgroups() error {
	for _, root := range cgroupRoots() {
		if err := os.MkdirAll(filepath.Join(root, cgroupName), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// removeCgroups removes from the leaves upwards, as the kernel wants it.
func removeCgroups() error {
	var problems []error
	for _, root := range ownCgroups() {
		var folders []string
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				folders = append(folders, path)
			}
			return nil
		})
		slices.Reverse(folders)
		for _, folder := range folders {
			problems = append(problems, removeCgroup(folder))
		}
	}
	return errors.Join(problems...)
}

// removeCgroup tries for a second: a cgroup is busy until its last process is fully gone.
func removeCgroup(path string) error {
	var err error
	for range 50 {
		if err = syscall.Rmdir(path); err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("cgroup %s: %w", path, err)
}
