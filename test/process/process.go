package process

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Build builds a program of this module with a build tag, or none, and gives its file.
func Build(ctx context.Context, dir, program, tag string) (string, error) {
	out := filepath.Join(dir, program)
	args := []string{"build", "-o", out}
	if tag != "" {
		out += "_" + tag
		args = []string{"build", "-tags", tag, "-o", out}
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "github.com/optup/optup/cmd/"+program)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return out, cmd.Run()
}

// Process is a running program.
type Process struct {
	name   string
	cmd    *exec.Cmd
	log    string
	ended  chan struct{}
	failed error
}

// Start starts a program whose output goes to a file. It ends with ctx, at the latest. Env is added to the environment.
func Start(ctx context.Context, log string, env []string, program string, args ...string) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()
	p := &Process{name: filepath.Base(program), log: log, ended: make(chan struct{}), cmd: exec.CommandContext(ctx, program, args...)}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Cancel = func() error { return p.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 5 * time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.failed = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// Alive fails if the program has ended by itself.
func (p *Process) Alive() error {
	select {
	case <-p.ended:
		tail, _ := os.ReadFile(p.log)
		return fmt.Errorf("%s had ended: %w: %s", p.name, p.failed, tail[max(0, len(tail)-2000):])
	default:
		return nil
	}
}

// Stop ends the program as a user would, and kills it if that takes too long. It fails if the program had ended before.
func (p *Process) Stop() error {
	if err := p.Alive(); err != nil {
		return err
	}
	_ = p.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		p.Kill()
	}
	return nil
}

// Kill ends the program at once.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// Free gives a loopback address that nobody listens on.
func Free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
