package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// started is a process of this run of the tool. It outlives the tool; done only tells when it ends too early.
type started struct {
	component
	log  string
	done chan struct{}
	err  error
}

// start runs a component detached in a session of its own, with its output in <state>/logs and its process id in <state>/pids.
func (c cluster) start(p component) (*started, error) {
	for _, dir := range []string{c.in("logs"), c.in("pids")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	log, err := os.OpenFile(c.logFile(p.name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(p.program, p.args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = c.module
	// containerd looks for its shim in PATH, and the built one has to be found first.
	cmd.Env = append(os.Environ(), "PATH="+c.bin+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &started{component: p, log: log.Name(), done: make(chan struct{})}
	go func() {
		s.err = cmd.Wait()
		close(s.done)
	}()
	return s, os.WriteFile(c.pidFile(p.name), []byte(strconv.Itoa(cmd.Process.Pid)), 0o644)
}

// wait returns when the process is ready, or with the end of its log when it ended or took longer than limit.
func (s *started) wait(ctx context.Context, limit time.Duration) error {
	if s.ready == nil {
		return nil
	}
	err := until(ctx, limit, func(ctx context.Context) error {
		select {
		case <-s.done:
			return final{fmt.Errorf("it ended: %v", s.err)}
		default:
			return s.ready(ctx)
		}
	})
	if err != nil {
		data, _ := os.ReadFile(s.log)
		return fmt.Errorf("%s is not ready: %w\nThe end of %s:\n%s", s.name, err, s.log, lastLines(string(data), 15))
	}
	return nil
}

// final is an error that trying again does not cure.
type final struct{ error }

// until tries five times a second until check succeeds, fails finally, or limit is over; then it returns the last error.
func until(ctx context.Context, limit time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var last error
	for {
		attempt, done := context.WithTimeout(ctx, 5*time.Second)
		err := check(attempt)
		done()
		var end final
		switch {
		case err == nil:
			return nil
		case errors.As(err, &end):
			return end.error
		case ctx.Err() == nil || last == nil:
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("after %s: %w", limit, last)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// process is a running process as /proc shows it.
type process struct {
	pid     int
	program string
	command string
}

// processes lists every process that runs one of the cluster's programs for this state or run folder. A program that was built
// anew while it ran counts too.
func (c cluster) processes() []process {
	entries, _ := os.ReadDir("/proc")
	var found []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if p, ok := readProcess(pid); ok && c.owns(p) {
			found = append(found, p)
		}
	}
	return found
}

func readProcess(pid int) (process, bool) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	program, err := os.Readlink(filepath.Join(dir, "exe"))
	if err != nil {
		return process{}, false
	}
	command, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return process{}, false
	}
	return process{
		pid:     pid,
		program: strings.TrimSuffix(program, " (deleted)"),
		command: strings.TrimSpace(strings.ReplaceAll(string(command), "\x00", " ")),
	}, true
}

// owns needs both the program and a path of this cluster in its arguments: the same kube-apiserver may run for an envtest suite.
func (c cluster) owns(p process) bool {
	return filepath.Dir(p.program) == c.bin &&
		(strings.Contains(p.command, c.state+"/") || strings.Contains(p.command, c.run+"/"))
}

// alive returns the process id of a component, or 0.
func (c cluster) alive(p component) int {
	data, err := os.ReadFile(c.pidFile(p.name))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0
	}
	found, ok := readProcess(pid)
	if !ok || found.program != p.program || !c.owns(found) {
		return 0
	}
	return pid
}

// end asks processes to end and, when patience is over, makes them.
func end(pids []int, patience time.Duration) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	if !gone(pids, patience) {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		gone(pids, 5*time.Second)
	}
}

func gone(pids []int, patience time.Duration) bool {
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		left := false
		for _, pid := range pids {
			left = left || running(pid)
		}
		if !left || time.Now().After(deadline) {
			return !left
		}
	}
}

// running does not count a zombie, whose parent may take its time.
func running(pid int) bool {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	return len(fields) > 0 && fields[0] != "Z" && fields[0] != "X"
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
