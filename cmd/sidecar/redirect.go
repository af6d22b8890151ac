package main

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"math"

	"github.com/optup/optup/internal/capture"
)

func redirectCommand(args []string, out io.Writer) error {
	f := flag.NewFlagSet("redirect", flag.ContinueOnError)
	uid, to := f.Uint64("uid", 64111, "`user` whose own connections are let through"), f.Uint64("to", 15001, "`port` that the sidecar listens on")
	inbound := f.Uint64("inbound", 0, "`port` that the sidecar takes connections to the pod on; 0 leaves those alone")
	admin := f.Uint64("admin", 15020, "`port` of the sidecar's probes, to which connections are left alone")
	check, remove := f.Bool("check", false, "only tell whether the rules are in place"), f.Bool("remove", false, "take the rules away")
	done, err := parse(f, `Redirect this network namespace's TCP connections to the sidecar: those that are made here, and with --inbound those that are
made to its own addresses

Examples:
  optup-sidecar redirect --uid 64111 --to 15001
  optup-sidecar redirect --uid 64111 --to 15001 --inbound 15006
  optup-sidecar redirect --check
`, args, out)
	rules := capture.Rules{UID: uint32(*uid), Outbound: uint16(*to), Inbound: uint16(*inbound), Admin: uint16(*admin)} //nolint:gosec // looked at below
	switch {
	case done || err != nil:
		return err
	case *check && *remove:
		return errors.New("give --check or --remove, and not both")
	case *uid > math.MaxUint32 || max(*to, *inbound, *admin) > math.MaxUint16:
		return errors.New("--uid has at most 32 bits, and ports have at most 16")
	case *check:
		return capture.Check(rules)
	case *remove:
		return capture.Remove()
	}
	if err := capture.Install(rules); err != nil {
		return err
	}
	slog.Info("TCP connections are redirected", "outgoing-to", *to, "incoming-to", *inbound, "except-uid", *uid)
	return nil
}
