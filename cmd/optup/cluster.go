package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"

	"github.com/optup/optup/internal/cli"
)

func doctorCommand(o *common) *cobra.Command {
	var d cli.DoctorOptions
	c := &cobra.Command{
		Use: "doctor", Short: "Say what is wrong with an installation, and what to do about it", Args: cobra.NoArgs,
		Long: "Look at the cluster, what is installed, what is declared and what runs. One line for each check: ok, warn or fail, and what to do.\n" +
			"Nothing is changed.",
		Example: "  optup doctor\n  optup doctor -n marketing\n  optup doctor -o json | jq '.[] | select(.level != \"ok\")'",
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := o.connect()
			if err != nil {
				return err
			}
			d.Version = k.Version
			checks, err := cli.Doctor(c.Context(), k, d)
			if err != nil {
				return err
			}
			if o.json() {
				err = cli.PrintJSON(c.OutOrStdout(), checks)
			} else {
				err = cli.PrintChecks(o.out(c), checks)
			}
			if err == nil && cli.Failed(checks) {
				err = errFound
			}
			return err
		},
	}
	c.Flags().StringVarP(&d.Namespace, "namespace", "n", "", "look at this namespace only, besides what concerns the whole cluster")
	c.Flags().StringVar(&d.OperatorNamespace, "operator-namespace", cli.OperatorNamespace, "namespace of the operator")
	return endings(c, "no check failed; there may be warnings", "a check failed")
}

func uninstallCommand(o *common) *cobra.Command {
	var u cli.UninstallOptions
	var yes, keep bool
	var purge []string
	c := &cobra.Command{
		Use: "uninstall", Short: "Take OptUp out of a cluster, leaving nothing that blocks pods", Args: cobra.NoArgs,
		Long: "Take OptUp out of a cluster: first the webhooks, so that nobody is asked about pods any more, then the operator, then what it made.\n" +
			"It works while the operator is dead, however it was installed, and can be repeated. What people declared, ledgers and their keys\n" +
			"stay unless told otherwise. Pods that have a sidecar keep it until they are created anew.\n\n" +
			"Without --yes it only says what it would do.",
		Example: "  optup uninstall\n  optup uninstall --yes\n  optup uninstall --yes --remove-labels --purge\n" +
			"  optup uninstall --yes --keep-ledgers=false --purge-ledgers=consent/main --purge",
		RunE: func(c *cobra.Command, _ []string) error {
			u.DryRun, u.StopLedgers = u.DryRun || !yes, !keep
			for _, l := range purge {
				namespace, name, found := strings.Cut(l, "/")
				if !found || namespace == "" || name == "" {
					return fmt.Errorf("--purge-ledgers takes the full name of each ledger, <namespace>/<name>, not %q: what people agreed to cannot be brought back", l)
				}
				u.PurgeLedgers = append(u.PurgeLedgers, types.NamespacedName{Namespace: namespace, Name: name})
			}
			k, err := o.connect()
			if err != nil {
				return err
			}
			if !o.json() {
				u.Report = func(s cli.Step) { _ = cli.PrintStep(c.OutOrStdout(), s) }
			}
			done, err := cli.Uninstall(c.Context(), k, u)
			if err != nil {
				return err
			}
			if o.json() {
				return cli.PrintJSON(c.OutOrStdout(), done)
			}
			return cli.PrintUninstalled(c.OutOrStdout(), done)
		},
	}
	f := c.Flags()
	f.BoolVar(&yes, "yes", false, "do it")
	f.BoolVar(&u.DryRun, "dry-run", false, "only say what would be done, even with --yes")
	f.StringVarP(&u.Namespace, "namespace", "n", cli.OperatorNamespace, "namespace of the operator")
	f.BoolVar(&u.RemoveLabels, "remove-labels", false, "take the mode labels off namespaces")
	f.BoolVar(&keep, "keep-ledgers", true, "let ledgers run on; with false they stop, and their volumes and root keys stay")
	f.BoolVar(&u.Purge, "purge", false, "delete the CustomResourceDefinitions with everything that was declared; that of ledgers only if none is kept")
	f.StringSliceVar(&purge, "purge-ledgers", nil, "delete these ledgers with their volumes and root keys for good, each as <namespace>/<name>")
	f.DurationVar(&u.Wait, "wait", time.Minute, "how long the manager may take to end")
	return endings(c, "it is done, or, without --yes, said", "")
}
