package process

import (
	"context"
	"errors"
	"os"
)

// Programs are files of the ledger and the sidecar.
type Programs struct{ Ledger, Sidecar string }

// Built builds both, runs with them, and takes them away. It panics where they cannot be built: it is for TestMain.
func Built(run func(Programs) int) int {
	dir, err := os.MkdirTemp("", "optup-programs-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var p Programs
	var other error
	p.Ledger, err = Build(context.Background(), dir, "ledger", "")
	p.Sidecar, other = Build(context.Background(), dir, "sidecar", "")
	if err := errors.Join(err, other); err != nil {
		panic(err)
	}
	return run(p)
}
