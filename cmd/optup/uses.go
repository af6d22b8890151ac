package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/cli"
)

// explain asks the ledger for a decision that was taken.
func (l *ledgerFlags) explain(c *cobra.Command, id string) error {
	return l.with(c, func(ctx context.Context, x *cli.Ledger) error {
		d, err := x.Decision(ctx, id)
		if err != nil {
			return err
		}
		if l.json() {
			return cli.PrintJSON(c.OutOrStdout(), d)
		}
		return cli.PrintDecision(l.out(c), d)
	})
}

func (l *ledgerFlags) usesCommand() *cobra.Command {
	var who person
	limit := 0
	c := &cobra.Command{
		Use: "uses", Short: "Show what a person's data was used for, by whom and on what ground (role Officer)", Args: cobra.NoArgs,
		Long: "Show the recorded uses of a person's data, the newest first: those that were permitted, those that were denied with the reason, and\n" +
			"who received the data. The record of what sidecars decided is kept for its retention.",
		Example: "  optup ledger uses " + throughCluster + " --identifier-file person.txt",
		RunE: func(c *cobra.Command, _ []string) error {
			i, err := who.read(c)
			if err != nil {
				return err
			}
			return l.with(c, func(ctx context.Context, x *cli.Ledger) error {
				u, err := x.Uses(ctx, i, limit)
				if err != nil {
					return err
				}
				return show(l, c, u, cli.PrintUses)
			})
		},
	}
	who.add(c)
	c.Flags().IntVar(&limit, "limit", 100, "how many uses, at most 1000")
	return endings(c, "the ledger answered, whatever it knows", "the ledger refused")
}
