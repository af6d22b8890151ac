// Command optup is the command line of OptUp; installed as kubectl-optup it is a plugin of kubectl, too.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/cli"
)

// version is set by the build.
var version = "dev"

// errFound ends a command that has printed what is wrong.
var errFound = errors.New("")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{
		Use: "optup", Short: "Look after OptUp, and try policies without a cluster", Version: version, SilenceUsage: true, SilenceErrors: true,
	}
	root.AddCommand(doctorCommand(), uninstallCommand(), compileCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		if !errors.Is(err, errFound) {
			fmt.Fprintln(os.Stderr, "optup:", err)
		}
		os.Exit(1)
	}
}

// connect makes a client of the cluster that the kubeconfig names.
func connect() (client.Client, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("no cluster (%w); set KUBECONFIG", err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return client.New(config, client.Options{Scheme: scheme})
}

func doctorCommand() *cobra.Command {
	var namespace, output string
	c := &cobra.Command{
		Use: "doctor", Short: "Look at an installation and say what to do", Args: cobra.NoArgs,
		Long:    "Look at the manager, webhooks, governed namespaces, ledgers, and everything declared. Nothing is changed. The exit code is 1 if something fails.",
		Example: "  optup doctor\n  optup doctor -o json",
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := connect()
			if err != nil {
				return err
			}
			checks, err := cli.Doctor(c.Context(), k, namespace)
			if err != nil {
				return err
			}
			failed := false
			for _, x := range checks {
				failed = failed || x.Level == cli.Fail
			}
			if output == "json" {
				err = json.NewEncoder(c.OutOrStdout()).Encode(checks)
			} else {
				for _, x := range checks {
					_, _ = fmt.Fprintf(c.OutOrStdout(), "%-5s %s\n", x.Level, x.What)
					if x.Do != "" {
						_, _ = fmt.Fprintf(c.OutOrStdout(), "      -> %s\n", x.Do)
					}
				}
			}
			if err == nil && failed {
				err = errFound
			}
			return err
		},
	}
	c.Flags().StringVarP(&namespace, "namespace", "n", "optup-system", "namespace of the manager")
	c.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return c
}

func uninstallCommand() *cobra.Command {
	var o cli.UninstallOptions
	var yes bool
	c := &cobra.Command{
		Use: "uninstall", Short: "Take OptUp out of the cluster, leaving nothing that blocks pods", Args: cobra.NoArgs,
		Long:    "Take OptUp out of the cluster: webhooks first, then the namespaces' mode labels, then the manager. Declarations, ledgers and keys stay.",
		Example: "  optup uninstall --dry-run\n  optup uninstall --yes",
		RunE: func(c *cobra.Command, _ []string) error {
			if !yes && !o.DryRun {
				return errors.New("this ends governance in the whole cluster; look with --dry-run, then say --yes")
			}
			k, err := connect()
			if err != nil {
				return err
			}
			steps, err := cli.Uninstall(c.Context(), k, o)
			for _, s := range steps {
				mark := "done "
				switch {
				case o.DryRun:
					mark = "would"
				case !s.Done:
					mark = "none "
				}
				_, _ = fmt.Fprintf(c.OutOrStdout(), "%s %s\n", mark, s.What)
			}
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintln(c.OutOrStdout(), "\nWhat remains:")
			for _, line := range cli.Remaining() {
				_, _ = fmt.Fprintln(c.OutOrStdout(), "  "+line)
			}
			return nil
		},
	}
	c.Flags().StringVarP(&o.Namespace, "namespace", "n", "optup-system", "namespace of the manager")
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "only say what would be done")
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

func compileCommand() *cobra.Command {
	var files []string
	var workload string
	c := &cobra.Command{
		Use: "compile", Short: "Compile policies from files, without a cluster", Args: cobra.NoArgs,
		Long:    "Compile objects from YAML files and folders, workloads included, as the manager would. The exit code is 1 if something is wrong with them.",
		Example: "  optup compile -f policies/\n  optup compile -f policies/ --workload marketing/Deployment/mailer > bundle.json",
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := cli.Compile(files)
			if err != nil {
				return err
			}
			for _, f := range r.Findings {
				_, _ = fmt.Fprintf(c.ErrOrStderr(), "%s: %s: %s: %s\n", f.Resource, f.Field, f.Code, f.Message)
			}
			found := workload == ""
			for _, b := range r.Bundles {
				name := b.Workload.Namespace + "/" + b.Workload.ID()
				switch workload {
				case "":
					_, _ = fmt.Fprintf(c.OutOrStdout(), "%s %d bytes %s\n", b.Hash[:12], len(b.Encoded), name)
				case name:
					found = true
					_, _ = fmt.Fprintln(c.OutOrStdout(), string(b.Encoded))
				}
			}
			switch {
			case !found:
				return fmt.Errorf("no workload %q in a governed namespace; leave --workload out to see all", workload)
			case len(r.Findings) > 0:
				return errFound
			default:
				return nil
			}
		},
	}
	c.Flags().StringArrayVarP(&files, "filename", "f", nil, "file or folder with YAML; may be repeated")
	c.Flags().StringVar(&workload, "workload", "", "namespace/Kind/name: print the bundle of this workload")
	_ = c.MarkFlagRequired("filename")
	return c
}
