// Command optup-sidecar enforces a bundle on the outgoing requests of one workload. It links no Kubernetes library.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log" //nolint:depguard // the standard library writes to it
	"log/slog"
	"math"
	"os"
	"os/signal"
	"syscall"

	"github.com/optup/optup/internal/capture"
)

// version is set by the build.
var version = "dev"

func main() {
	logTo(os.Stderr)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := execute(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "optup-sidecar:", err)
		os.Exit(1)
	}
}

const usage = `Enforce what people agreed to on a workload's outgoing requests

Usage:
  optup-sidecar run [flags]       Run the sidecar
  optup-sidecar redirect [flags]  Redirect this network namespace's outgoing TCP connections to the sidecar
  optup-sidecar --version

optup-sidecar COMMAND --help shows a command's flags.
`

// execute carries out a command. It does with the standard library's flags: a library for commands would take more memory than the flags
// take lines.
func execute(ctx context.Context, args []string, out io.Writer) error {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch name {
	case "run":
		return runCommand(ctx, args[1:], out)
	case "redirect":
		return redirectCommand(args[1:], out)
	case "--version", "-version":
		_, err := fmt.Fprintln(out, "optup-sidecar version", version)
		return err
	case "", "help", "--help", "-help", "-h":
		_, err := io.WriteString(out, usage)
		return err
	default:
		return fmt.Errorf("unknown command %q; optup-sidecar --help lists them", name)
	}
}

// parse reads a command's flags. Done tells that nothing is left to do, because help was asked for and given.
func parse(f *flag.FlagSet, about string, args []string, out io.Writer) (done bool, err error) {
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	err = f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, err = io.WriteString(out, about+"\nFlags:\n")
		f.VisitAll(func(x *flag.Flag) {
			value, text := flag.UnquoteUsage(x)
			if value != "" {
				value = " " + value
			}
			if x.DefValue != "" && x.DefValue != "false" {
				text += " (default " + x.DefValue + ")"
			}
			_, _ = fmt.Fprintf(out, "  --%s%s\n      %s\n", x.Name, value, text)
		})
		return true, err
	case err != nil:
		return false, fmt.Errorf("%w; optup-sidecar %s --help lists the flags", err, f.Name())
	case f.NArg() > 0:
		return false, fmt.Errorf("optup-sidecar %s takes flags only, and not %q", f.Name(), f.Arg(0))
	}
	return false, nil
}

func redirectCommand(args []string, out io.Writer) error {
	f := flag.NewFlagSet("redirect", flag.ContinueOnError)
	uid, to := f.Uint64("uid", 64111, "`user` whose own connections are let through"), f.Uint64("to", 15001, "`port` that the sidecar listens on")
	check, remove := f.Bool("check", false, "only tell whether the rules are in place"), f.Bool("remove", false, "take the rules away")
	done, err := parse(f, `Redirect this network namespace's outgoing TCP connections to the sidecar

Examples:
  optup-sidecar redirect --uid 64111 --to 15001
  optup-sidecar redirect --check
`, args, out)
	switch {
	case done || err != nil:
		return err
	case *check && *remove:
		return errors.New("give --check or --remove, and not both")
	case *uid > math.MaxUint32 || *to > math.MaxUint16:
		return errors.New("--uid has at most 32 bits, and --to at most 16")
	case *check:
		return capture.Check()
	case *remove:
		return capture.Remove()
	}
	if err := capture.Install(uint32(*uid), uint16(*to)); err != nil {
		return err
	}
	slog.Info("outgoing TCP connections are redirected", "port", *to, "except-uid", *uid)
	return nil
}

// logTo takes the log into use. The standard library's own goes nowhere: its HTTP client quotes there what a service sent unasked, which
// may be about people.
func logTo(w io.Writer) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(w, nil)))
	log.SetOutput(io.Discard)
}
