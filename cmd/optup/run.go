package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/cli"
	"github.com/optup/optup/internal/standalone"
)

func runCommand(o *common) *cobra.Command {
	var s standalone.Options
	c := &cobra.Command{
		Use: "run FOLDER", Short: "Run the policies of a folder on this machine: sidecars, a ledger and a demo shop", Args: cobra.ExactArgs(1),
		Long: "Run the policies of a folder on this machine, without a cluster and without root, on loopback addresses: a consent ledger,\n" +
			"a sidecar for each workload, and a shop with a customer register and a mail provider. Each declared host gets an address\n" +
			"through the sidecar of each workload; the demo shop answers for services that have paths of its own, and --upstream says\n" +
			"who answers for others. The ledger knows what the shop's people agreed to.\n\n" +
			"Edits to the folder apply at once. What cannot be used is said, and leaves what was in force before.\n" +
			"The last line of the start says what to call. An interrupt stops it.",
		Example: "  optup run config/samples\n" +
			"  optup run policies/ --data ./run --people 10000\n" +
			"  optup run policies/ --workload marketing/Deployment/mailer --listen mail.services.svc:80=127.0.0.1:9000\n" +
			"  optup run policies/ --upstream tracker.services.svc:80=127.0.0.1:7000\n" +
			"  optup run policies/ --credential platform/sendgrid/api-key=./api-key",
		RunE: func(c *cobra.Command, args []string) error {
			s.Folder, s.Out, s.Err = args[0], c.OutOrStdout(), c.ErrOrStderr()
			if o.json() {
				s.Out = c.ErrOrStderr() // standard output is for the summary
			}
			s.Logger = slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
			return runHere(c.Context(), c, o, s)
		},
	}
	f := c.Flags()
	f.StringVar(&s.Data, "data", "", "directory that keeps the ledger, its key and the token; a temporary one if left out")
	f.IntVar(&s.Port, "port", 8100, "first port: ledger and shop from here, declared hosts from ten above; 0 for any that are free")
	f.IntVar(&s.People, "people", 1000, "number of customers of the shop")
	f.Uint64Var(&s.Seed, "seed", 1, "seed of the generated people")
	f.StringArrayVar(&s.Workloads, "workload", nil, "only this workload, namespace/Kind/name; may be repeated")
	f.StringArrayVar(&s.Listen, "listen", nil, "host:port=address: serve a declared host at this loopback address; may be repeated")
	f.StringArrayVar(&s.Upstreams, "upstream", nil, "host:port=address: who answers for a declared host; may be repeated")
	f.StringArrayVar(&s.Credentials, "credential", nil, "namespace/secret/key=file: what the cluster would have in this Secret; may be repeated")
	return endings(c, "it was interrupted", "")
}

func runHere(ctx context.Context, c *cobra.Command, o *common, s standalone.Options) (err error) {
	x, err := standalone.Start(ctx, s)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil // interrupted while it started
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.Stop()) }()
	if o.json() {
		err = cli.PrintJSON(c.OutOrStdout(), x.Summary())
	} else {
		err = x.Summary().Print(c.OutOrStdout())
	}
	if err != nil {
		return err
	}
	return x.Wait(ctx)
}
