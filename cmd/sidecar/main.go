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
	"os"
	"os/signal"
	"syscall"
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
  optup-sidecar redirect [flags]  Redirect this network namespace's TCP connections to the sidecar
  optup-sidecar trust [flags]     Write what makes applications trust an authority of interception
  optup-sidecar check [flags]     Prove that connections come to where the sidecar will listen
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
	case "trust":
		return trustCommand(args[1:], out)
	case "check":
		return checkCommand(ctx, args[1:], out)
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

// logTo takes the log into use. The standard library's own goes nowhere: its HTTP client quotes there what a service sent unasked, which
// may be about people.
func logTo(w io.Writer) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(w, nil)))
	log.SetOutput(io.Discard)
}
