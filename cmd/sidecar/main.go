// Command optup-sidecar enforces a bundle on the outgoing requests of one workload. It links no Kubernetes library.
package main

import (
	"context"
	"fmt"
	"io"
	"log" //nolint:depguard // the standard library writes to it
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/capture"
)

// version is set by the build.
var version = "dev"

func main() {
	logTo(os.Stderr)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{
		Use: "optup-sidecar", Short: "Enforce what people agreed to on a workload's outgoing requests",
		Version: version, SilenceUsage: true, SilenceErrors: true,
	}
	root.AddCommand(runCommand(), redirectCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "optup-sidecar:", err)
		os.Exit(1)
	}
}

func redirectCommand() *cobra.Command {
	var uid uint32
	var to uint16
	var check, remove bool
	c := &cobra.Command{
		Use: "redirect", Short: "Redirect this network namespace's outgoing TCP connections to the sidecar", Args: cobra.NoArgs,
		Example: "  optup-sidecar redirect --uid 64111 --to 15001\n  optup-sidecar redirect --check",
		RunE: func(*cobra.Command, []string) error {
			switch {
			case check:
				return capture.Check()
			case remove:
				return capture.Remove()
			default:
				if err := capture.Install(uid, to); err != nil {
					return err
				}
				slog.Info("outgoing TCP connections are redirected", "port", to, "except-uid", uid)
				return nil
			}
		},
	}
	c.Flags().Uint32Var(&uid, "uid", 64111, "user whose own connections are let through")
	c.Flags().Uint16Var(&to, "to", 15001, "port that the sidecar listens on")
	c.Flags().BoolVar(&check, "check", false, "only tell whether the rules are in place")
	c.Flags().BoolVar(&remove, "remove", false, "take the rules away")
	c.MarkFlagsMutuallyExclusive("check", "remove")
	return c
}

// logTo takes the log into use. The standard library's own goes nowhere: its HTTP client quotes there what a service sent unasked, which
// may be about people.
func logTo(w io.Writer) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(w, nil)))
	log.SetOutput(io.Discard)
}
