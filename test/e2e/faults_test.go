package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// processes gives the node's processes of a program ("/sidecar") in the pod of a name. It needs a cluster on this machine.
func processes(program, pod string) []int {
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	Expect(err).NotTo(HaveOccurred())
	var out []int
	for _, e := range environments {
		env, err := os.ReadFile(e)
		if err != nil || !bytes.Contains(env, []byte("HOSTNAME="+pod+"\x00")) {
			continue
		}
		line, err := os.ReadFile(filepath.Join(filepath.Dir(e), "cmdline"))
		if err != nil || !bytes.HasPrefix(line, []byte(program+"\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(e)))
		Expect(err).NotTo(HaveOccurred())
		out = append(out, pid)
	}
	if len(out) == 0 {
		if cluster := os.Getenv("CLUSTER"); cluster != "" && cluster != "local" {
			Skip("faults are made on the node's processes, and the node is not this machine")
		}
		Fail("no process of " + program + " in pod " + pod)
	}
	return out
}

func signal(pids []int, s syscall.Signal) {
	for _, pid := range pids {
		Expect(syscall.Kill(pid, s)).To(Succeed())
	}
}
