package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// sharedFolders are folders outside state and run that the kubelet, containerd or the network plugin make at fixed places.
var sharedFolders = []string{"/var/lib/kubelet", "/var/log/containers", "/var/log/pods", "/var/lib/cni", "/run/containerd", "/run/netns", "/etc/cni", "/opt/cni", "/opt/containerd", "/usr/libexec/kubernetes"}

// clear takes a cluster away, whether it runs, fell over or left only pieces. keepImages leaves what was pushed to the registry.
// It goes on after an error, so that one stubborn piece does not keep the others.
func (c cluster) clear(keepImages bool) error {
	var problems []error
	c.endComponents()
	end(c.podProcesses(), 0)
	c.endRest()
	problems = append(problems, c.unmountAll(), c.lowerNetwork(), removeCgroups(), c.restoreKernelSettings(), c.removeSharedFolders())
	problems = append(problems, os.RemoveAll(c.run), c.removeState(keepImages))
	return errors.Join(problems...)
}

// endComponents ends the processes against their starting order, so that nothing starts anew what was ended.
func (c cluster) endComponents() {
	list := c.components()
	slices.Reverse(list)
	var workers, base []int
	for _, p := range list {
		pid := c.alive(p)
		switch {
		case pid == 0:
		case p.name == "etcd", p.name == "containerd", p.name == "kube-apiserver", p.name == "registry":
			base = append(base, pid)
		default:
			workers = append(workers, pid)
		}
	}
	end(workers, 5*time.Second)
	// The API server waits long for open watches, which nobody needs any more.
	end(base, 2*time.Second)
}

// endRest ends what has no process id on file: shims, and everything else after the state was lost.
func (c cluster) endRest() {
	var pids []int
	for _, p := range c.processes() {
		pids = append(pids, p.pid)
	}
	end(pids, 2*time.Second)
}

// noteSharedFolders writes down which shared folders are not there yet, and thus will be this cluster's.
func (c cluster) noteSharedFolders() error {
	missing := []string{}
	for _, path := range sharedFolders {
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			missing = append(missing, path)
		}
	}
	data, err := json.Marshal(missing)
	if err != nil {
		return err
	}
	return writeFile(c.before("shared-folders.json"), data, 0o644)
}

// removeSharedFolders removes folders that were not there before up, and from the others what is known to be this cluster's.
func (c cluster) removeSharedFolders() error {
	if err := c.removeSharedEntries(); err != nil {
		return err
	}
	data, err := os.ReadFile(c.before("shared-folders.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var made []string
	if err == nil {
		err = json.Unmarshal(data, &made)
	}
	if err != nil {
		return err
	}
	var problems []error
	for _, path := range made {
		if slices.Contains(sharedFolders, path) {
			problems = append(problems, os.RemoveAll(path))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	return os.Remove(c.before("shared-folders.json"))
}

// removeSharedEntries removes the network plugins' records of this cluster's network and the links to its pods' logs.
func (c cluster) removeSharedEntries() error {
	own, err := filepath.Glob("/var/lib/cni/results/" + networkName + "-*")
	if err != nil {
		return err
	}
	links, err := filepath.Glob("/var/log/containers/*.log")
	if err != nil {
		return err
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, c.state+"/") {
			own = append(own, link)
		}
	}
	var problems []error
	for _, path := range own {
		problems = append(problems, os.Remove(path))
	}
	return errors.Join(problems...)
}

func (c cluster) removeState(keepImages bool) error {
	if !keepImages {
		return os.RemoveAll(c.state)
	}
	entries, err := os.ReadDir(c.state)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	problems := []error{err}
	for _, entry := range entries {
		if entry.Name() != "registry" {
			problems = append(problems, os.RemoveAll(c.in(entry.Name())))
		}
	}
	return errors.Join(problems...)
}

// leftovers names, one by one, what of the cluster is still on the machine.
func (c cluster) leftovers() []string {
	var left []string
	for _, p := range c.processes() {
		left = append(left, fmt.Sprintf("process %d (%s)", p.pid, filepath.Base(p.program)))
	}
	for _, path := range c.ownMounts() {
		left = append(left, "mount "+path)
	}
	for _, link := range leftLinks() {
		left = append(left, "link "+link)
	}
	for _, table := range leftTables() {
		left = append(left, "nftables table "+table)
	}
	for _, path := range ownCgroups() {
		left = append(left, "cgroup "+path)
	}
	for _, path := range []string{c.state, c.run} {
		if _, err := os.Lstat(path); err == nil {
			left = append(left, "folder "+path)
		}
	}
	return left
}
