package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/optup/optup/test/bypass/liberal"
	"github.com/optup/optup/test/process"
)

// Processes starts a world whose ledger is a program.
func Processes(ctx context.Context, seed uint64, languages []string, ledger string, sent func(liberal.Mail)) (*World, error) {
	return open(ctx, seed, languages, sent, func(ctx context.Context, w *World) error {
		config, err := json.Marshal(map[string]any{"controller": controller})
		if err != nil {
			return err
		}
		configFile, err1 := w.write("config.json", string(config))
		tokenFile, err2 := w.write("dev.token", w.token)
		_, err3 := w.write("bundle.json", string(w.bundle))
		addr, err4 := process.Free()
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			return err
		}
		key, data := filepath.Join(w.dir, "root.key"), filepath.Join(w.dir, "data")
		if out, err := exec.CommandContext(ctx, ledger, "keygen", "--out", key).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		if err := os.Mkdir(data, 0o700); err != nil {
			return err
		}
		w.ledger = "http://" + addr
		stop, err := w.run(ctx, "ledger", ledger, "serve", "--data", data, "--root-key", key, "--config", configFile,
			"--listen", addr, "--admin", "127.0.0.1:0", "--dev-token-file", tokenFile)
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
