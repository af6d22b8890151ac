// Command shop is the small shop of the demo in one program: its register, its mail provider and its marketing programs, one by
// subcommand. They know nothing of OptUp; see package shop.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// data says which people there are.
type data struct {
	seed   uint64
	people int
}

func newCommand() *cobra.Command {
	var d data
	root := &cobra.Command{
		Use: "shop", Short: "A small shop: customers, mails, and the programs that use both",
		SilenceUsage: true, Args: cobra.NoArgs,
	}
	root.PersistentFlags().Uint64Var(&d.seed, "seed", 1, "seed of the generated people")
	root.PersistentFlags().IntVar(&d.people, "people", 10_000, "number of people")
	root.AddCommand(crmCommand(&d), espCommand(), dashboardCommand(), liveCommand(), tickerCommand(), campaignCommand(), invoiceCommand(), listCommand(&d), smtpCommand(), greetCommand())
	return root
}
