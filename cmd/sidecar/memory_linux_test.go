package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// nobody has no rights besides those of every user.
const nobody = 65534

// TestMain is a sidecar's process as well, which keeps its memory to itself or does not, and waits.
func TestMain(m *testing.M) {
	if mode := os.Getenv("OPTUP_MEMORY"); mode != "" {
		if mode == "kept" {
			if err := keepMemory(); err != nil {
				fmt.Println(err)
			}
		}
		var core unix.Rlimit
		_ = unix.Getrlimit(unix.RLIMIT_CORE, &core)
		// What the sidecar's own metrics read has to stay readable.
		_, err := os.ReadDir("/proc/self/fd")
		fmt.Println("core", core.Max == 0, "own", err == nil)
		_, _ = io.ReadAll(os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestTheMemoryIsKept from another process of the same user, and from dumps.
func TestTheMemoryIsKept(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to become another user")
	}
	folder, err := os.MkdirTemp("", "optup-memory-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	program := filepath.Join(folder, "sidecar")
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil || os.WriteFile(program, self, 0o600) != nil || os.Chmod(program, 0o755) != nil || os.Chmod(folder, 0o755) != nil {
		t.Fatal(err)
	}
	as := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(name, args...)
		c.Dir, c.SysProcAttr = "/", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		return c
	}
	for mode, want := range map[string]string{"kept": "core true own true", "open": "core false own true"} {
		c := as(program)
		c.Env = []string{"OPTUP_MEMORY=" + mode}
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		line := make([]byte, 100)
		n, _ := out.Read(line)
		if got := strings.TrimSpace(string(line[:n])); got != want && mode == "kept" {
			t.Errorf("%s: %q", mode, got)
		}
		text, err := as("/bin/cat", fmt.Sprintf("/proc/%d/environ", c.Process.Pid)).Output()
		if (err == nil && strings.Contains(string(text), "OPTUP_MEMORY")) != (mode == "open") {
			t.Errorf("%s: another process of the user reads %q, %v", mode, text, err)
		}
		_ = in.Close()
		time.AfterFunc(5*time.Second, func() { _ = c.Process.Kill() })
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}
}
