package world

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/optup/optup/test/bypass/liberal"
	"github.com/optup/optup/test/process"
)

// Processes starts a world whose ledger is a program.
func Processes(ctx context.Context, seed uint64, languages []string, ledger string, sent func(liberal.Mail)) (*World, error) {
	return open(ctx, seed, languages, sent, func(ctx context.Context, w *World) error {
		_, err1 := w.write("bundle.json", string(w.bundle))
		addr, err2 := process.Free()
		args, _, err3 := process.Ledger(ctx, ledger, w.dir, addr, controller, w.token)
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		w.ledger = "http://" + addr
		stop, err := w.run(ctx, "ledger", ledger, args...)
		if err == nil {
			w.stop = append(w.stop, stop)
		}
		return err
	})
}

// Sidecar starts a program as the world's sidecar, and waits until it is ready.
func (w *World) Sidecar(ctx context.Context, program string) (*Sidecar, error) {
	s := &Sidecar{Addresses: map[string]string{}}
	args := []string{
		"run", "--bundle", filepath.Join(w.dir, "bundle.json"), "--ledger", w.ledger, "--ledger-token", filepath.Join(w.dir, "dev.token"),
		"--admin", "127.0.0.1:0",
	}
	for _, l := range w.Languages {
		addr, err := process.Free()
		if err != nil {
			return nil, err
		}
		s.Addresses[l] = addr
		args = append(args, "--listen", fmt.Sprintf("%s=%s:%d", addr, host, w.services.ports[l]))
	}
	var err error
	if s.stop, err = w.run(ctx, filepath.Base(program), program, args...); err != nil {
		return nil, err
	}
	if err := w.ready(ctx, s); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// run starts a program whose output goes to a file of the world, and gives what stops it.
func (w *World) run(ctx context.Context, name, program string, args ...string) (func() error, error) {
	p, err := process.Start(ctx, filepath.Join(w.dir, name+".log"), nil, program, args...)
	if err != nil {
		return nil, err
	}
	return p.Stop, nil
}
