// Command optup is the command line of OptUp. Installed under the name kubectl-optup it is also a plugin of kubectl.
//
// Flags and wiring are here; what commands do is in internal/cli. The exit code is 0 if all is well, 1 if a command found something
// wrong, and 2 if it could not do its work.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/cli"
)

// version is set by the build.
var version = "dev"

// errFound ends a command that has said what is wrong.
var errFound = errors.New("something is wrong")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := command()
	if strings.HasPrefix(filepath.Base(os.Args[0]), "kubectl-") {
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl optup"}
	}
	switch err := root.ExecuteContext(ctx); {
	case err == nil:
	case errors.Is(err, errFound):
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, "optup:", err)
		os.Exit(2)
	}
}

// common are the flags of every command.
type common struct {
	kubeconfig, context string
	output              string
	color               string
}

func command() *cobra.Command {
	o := &common{}
	root := &cobra.Command{
		Use: "optup", Short: "Look after OptUp, try policies, and talk to consent ledgers",
		Long: "Look after OptUp in a cluster (doctor, uninstall), try policies without one (lint, compile, test, decide, explain, diff, run),\n" +
			"draft services (import), and talk to consent ledgers (ledger).\n\n" +
			"The exit code is 0 if all is well, 1 if something wrong was found, and 2 if the command could not do its work. --help of each\n" +
			"command says what that means there.",
		SilenceUsage: true, SilenceErrors: true,
	}
	f := root.PersistentFlags()
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file; KUBECONFIG or ~/.kube/config if left out")
	f.StringVar(&o.context, "context", "", "context of the kubeconfig; its current one if left out")
	f.StringVarP(&o.output, "output", "o", "text", "text or json; for lint also github")
	f.StringVar(&o.color, "color", "auto", "colours: auto (on a terminal, unless NO_COLOR is set), always or never")
	_ = root.RegisterFlagCompletionFunc("output", func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return outputs(c), cobra.ShellCompDirectiveNoFileComp
	})
	_ = root.RegisterFlagCompletionFunc("color", cobra.FixedCompletions(cli.ColorModes, cobra.ShellCompDirectiveNoFileComp))
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if known := outputs(c); !slices.Contains(known, o.output) {
			return fmt.Errorf("--output is %s, not %q", strings.Join(known, " or "), o.output)
		}
		_, err := cli.Colors(io.Discard, o.color, os.Getenv)
		return err
	}
	root.AddCommand(doctorCommand(o), uninstallCommand(o), lintCommand(o), compileCommand(o), testCommand(o), decideCommand(o),
		explainCommand(o), diffCommand(o), runCommand(o), importCommand(o), ledgerCommand(o), versionCommand(o))
	return root
}

// outputs are those that a command knows.
func outputs(c *cobra.Command) []string {
	return append([]string{"text", "json"}, strings.Fields(c.Annotations[outputsKey])...)
}

func (o *common) connect() (cli.Cluster, error) { return cli.Connect(o.kubeconfig, o.context) }

// out is standard output, with colours if it shows them.
func (o *common) out(c *cobra.Command) io.Writer {
	w, err := cli.Colors(c.OutOrStdout(), o.color, os.Getenv)
	if err != nil {
		return c.OutOrStdout() // was refused before the command began
	}
	return w
}

func (o *common) json() bool { return o.output == "json" }
