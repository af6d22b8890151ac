package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The cores: proxies have one for themselves; client, service and ledger share the other.
const (
	coreOthers = 0
	coreProxy  = 1
)

// process is a running program.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{}
	err  error
}

// start starts a program on one core. Its output goes to a file that failures quote.
func start(ctx context.Context, dir, name string, core int, prepare func(*exec.Cmd) error, file string, args ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()
	p.cmd = exec.CommandContext(ctx, file, args...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = append(os.Environ(), "GOGC=100", "GODEBUG=")
	if prepare != nil {
		if err := prepare(p.cmd); err != nil {
			return nil, err
		}
	}
	if err := pinned(core, p.cmd.Start); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// pinned runs fn on one core. Processes that it starts stay there; the core is kept by whoever is forked from this thread.
func pinned(core int, fn func() error) error {
	if runtime.NumCPU() < 2 {
		return errors.New("proxies need two cores: one for them, one for client and service")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	one.Set(core)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("the core %d cannot be had: %w", core, err)
	}
	err := fn()
	return errors.Join(err, unix.SchedSetaffinity(0, &before))
}

// stop ends the process.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// failed is an error with the end of what the process wrote.
func (p *process) failed(why string) error {
	text, _ := os.ReadFile(p.log)
	if len(text) > 2000 {
		text = text[len(text)-2000:]
	}
	return fmt.Errorf("%s %s: %s", p.name, why, text)
}

// until waits for something that takes moments, as long as the process lives.
func (p *process) until(ctx context.Context, what string, ok func() bool) error {
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		if ok() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.done:
			return p.failed("ended before " + what)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return p.failed("did not come so far: " + what)
}

func (p *process) listens(ctx context.Context, addr string) error {
	return p.until(ctx, "it listened on "+addr, func() bool {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
}

// yields lets the others of its core go first, all threads that the process has and will have.
func (p *process) yields() error {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.cmd.Process.Pid))
	if err != nil {
		return err
	}
	for _, t := range tasks {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		// A thread that ended in the meantime takes no time either.
		if err := unix.Setpriority(unix.PRIO_PROCESS, id, 19); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// cpu is the time that all threads of the process ran, those that ended among them.
func (p *process) cpu() (time.Duration, error) {
	// A clock of a process, see clock_getcpuclockid(3): the inverted number shifted by three, and 2 for the scheduler's time.
	clock := int32(^p.cmd.Process.Pid)<<3 | 2
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0, fmt.Errorf("the processor time of %s: %w", p.name, err)
	}
	return time.Duration(t.Nano()), nil
}

// resident is the resident size in bytes.
func (p *process) resident() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		rest, found := bytes.CutPrefix(line, []byte("VmRSS:"))
		if !found {
			continue
		}
		kb, err := strconv.ParseFloat(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 64)
		return kb * 1024, err
	}
	return 0, fmt.Errorf("%s has no resident size", p.name)
}

// settled is the resident size after the process collected its garbage and gave it back.
func (p *process) settled() (float64, error) {
	for range 2 {
		if err := p.cmd.Process.Signal(unix.SIGUSR2); err != nil {
			return 0, err
		}
		time.Sleep(300 * time.Millisecond)
	}
	return p.resident()
}
