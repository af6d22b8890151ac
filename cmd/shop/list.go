package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/shop"
)

func listCommand(d *data) *cobra.Command {
	var what string
	c := &cobra.Command{
		Use: "list", Short: "Print an addressee list or a consent export as CSV", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch what {
			case "addressees":
				return shop.WriteAddressees(c.OutOrStdout(), shop.People(d.seed, d.people))
			case "consents":
				return shop.WriteConsents(c.OutOrStdout(), shop.Consents(d.seed, d.people))
			default:
				return fmt.Errorf("--what is addressees or consents, not %q", what)
			}
		},
	}
	c.Flags().StringVar(&what, "what", "addressees", "addressees or consents")
	return c
}
