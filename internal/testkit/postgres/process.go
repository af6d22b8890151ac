package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// oldest is the first version that the ledger supports.
const oldest = 15

// binaries finds the newest installed server.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 for what is no version
		return n
	}
	found = slices.DeleteFunc(found, func(p string) bool { return version(p) < oldest })
	if len(found) == 0 {
		return "", fmt.Errorf("these tests need PostgreSQL %d or newer, which is not in /usr/lib/postgresql: apt-get install postgresql", oldest)
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// unprivileged gives what a process of the server is started with, and who owns its files: PostgreSQL refuses to run as root. A session
// of its own keeps an interrupt at the terminal from the janitor.
func unprivileged() (*syscall.SysProcAttr, int, error) {
	attr := &syscall.SysProcAttr{Setsid: true}
	if os.Getuid() != 0 {
		return attr, os.Getuid(), nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(u.Uid)
		gid, errGroup := strconv.Atoi(u.Gid)
		if err := errors.Join(err, errGroup); err != nil {
			return nil, 0, err
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return attr, uid, nil
	}
	return nil, 0, errors.New("the tests run as root, which PostgreSQL refuses, and there is no user postgres or nobody to run it as")
}

// sweep waits for the end of its input, then ends the server in the folder at once and removes the folder, which is its argument.
const sweep = `cat > /dev/null
if [ -s data/postmaster.pid ]; then
  pid=$(head -n 1 data/postmaster.pid)
  kill -QUIT "$pid" 2> /dev/null
  n=0
  while [ -e "/proc/$pid" ] && [ "$n" -lt 100 ]; do sleep 0.05; n=$((n + 1)); done
fi
cd /
rm -rf "$1"`

// watch starts the janitor. It holds the only other end of a pipe from this process, so it learns of every way to end.
func (s *Server) watch() error {
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.Command("/bin/sh", "-c", sweep, "sweep", s.dir)
	cmd.Dir, cmd.Stdin, cmd.SysProcAttr = s.dir, in, s.as
	if err := cmd.Start(); err != nil {
		return errors.Join(err, in.Close(), out.Close())
	}
	s.janitor, s.swept = out, make(chan error, 1)
	go func() { s.swept <- cmd.Wait() }()
	return in.Close()
}

// stop ends the server and leaves nothing behind.
func (s *Server) stop() error {
	err := s.janitor.Close()
	return errors.Join(err, <-s.swept, os.RemoveAll(s.dir))
}

// Kill ends every process of the server with SIGKILL, as a crash of the machine would, except that what the system holds in memory for
// the disk is still written.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	main := s.running.Process.Pid
	// It stands still first, so that it starts nobody while its children are looked for.
	if err := syscall.Kill(main, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	all := append(children(main), main)
	for _, pid := range all {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(patience); slices.ContainsFunc(all, alive); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the killed PostgreSQL does not end")
		}
	}
}

// Restart starts a server again that was killed, at the same address, and waits until it answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
}

// Pause stops every process of the server where it stands, and gives the function that lets them go on.
func (s *Server) Pause(t testing.TB) (resume func()) {
	t.Helper()
	main := s.running.Process.Pid
	all := append([]int{main}, children(main)...)
	for _, pid := range all {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
	return func() {
		for _, pid := range all {
			_ = syscall.Kill(pid, syscall.SIGCONT) // who has ended needs nothing
		}
	}
}

// stat gives the state and the parent of a process; false if there is none.
func stat(pid int) (state string, parent int, ok bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", 0, false
	}
	// The name stands in brackets and may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 2 {
		return "", 0, false
	}
	parent, err = strconv.Atoi(fields[1])
	return fields[0], parent, err == nil
}

func alive(pid int) bool {
	state, _, ok := stat(pid)
	return ok && state != "Z"
}

func children(of int) (out []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if _, parent, ok := stat(pid); ok && parent == of {
			out = append(out, pid)
		}
	}
	return out
}
