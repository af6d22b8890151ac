package main

import (
	"net"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/shop"
)

func smtpCommand() *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use: "smtp", Short: "Serve a protocol in which the server speaks first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return err
			}
			return shop.ServeGreeting(c.Context(), l)
		},
	}
	c.Flags().StringVar(&listen, "listen", ":2525", "address to listen on")
	return c
}

func greetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "greet host:port", Short: "Wait for a server's greeting, and have a line sent back", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return shop.Greet(c.Context(), args[0]) },
	}
}
