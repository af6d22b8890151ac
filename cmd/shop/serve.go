package main

import (
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/shop"
)

// addresses are where a program serves its API and its admin pages.
type addresses struct{ listen, admin string }

func (a *addresses) flags(c *cobra.Command, api bool) *cobra.Command {
	if api {
		c.Flags().StringVar(&a.listen, "listen", ":8080", "address of the API")
	}
	c.Flags().StringVar(&a.admin, "admin", ":8081", "address of the admin pages")
	return c
}

func crmCommand(d *data) *cobra.Command {
	var a addresses
	return a.flags(&cobra.Command{
		Use: "crm", Short: "Serve the register of customers", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			crm := shop.NewCRM(d.seed, d.people)
			return shop.Serve(c.Context(), map[string]http.Handler{a.listen: crm.Handler(), a.admin: crm.Admin()})
		},
	}, true)
}

func espCommand() *cobra.Command {
	var a addresses
	var certificate, key string
	c := a.flags(&cobra.Command{
		Use: "esp", Short: "Serve a mail provider that counts instead of sending", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			esp := shop.NewESP()
			handlers := map[string]http.Handler{a.listen: esp.Handler(), a.admin: esp.Admin()}
			if certificate == "" {
				return shop.Serve(c.Context(), handlers)
			}
			return shop.ServeTLS(c.Context(), handlers, a.listen, certificate, key)
		},
	}, true)
	c.Flags().StringVar(&certificate, "tls-cert", "", "file with the certificate (PEM) to serve the API with TLS; without one it is plain HTTP")
	c.Flags().StringVar(&key, "tls-key", "", "file with the key of the certificate (PEM)")
	return c
}

func dashboardCommand() *cobra.Command {
	var a addresses
	var crm string
	var every time.Duration
	c := a.flags(&cobra.Command{
		Use: "dashboard", Short: "Read all customers again and again and count what is seen", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d := shop.NewDashboard(crm, every)
			go d.Run(c.Context())
			return shop.Serve(c.Context(), map[string]http.Handler{a.admin: d.Admin()})
		},
	}, false)
	c.Flags().StringVar(&crm, "crm", "http://customers.crm", "base URL of the register")
	c.Flags().DurationVar(&every, "every", 2*time.Second, "time between rounds")
	return c
}

func liveCommand() *cobra.Command {
	var a addresses
	var crm string
	c := a.flags(&cobra.Command{
		Use: "live", Short: "Follow who is looking at the shop and count what is seen", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			l := shop.NewLive(crm)
			go l.Run(c.Context())
			return shop.Serve(c.Context(), map[string]http.Handler{a.admin: l.Admin()})
		},
	}, false)
	c.Flags().StringVar(&crm, "crm", "http://customers.crm", "base URL of the register")
	return c
}

func tickerCommand() *cobra.Command {
	var a addresses
	var esp string
	var every time.Duration
	c := a.flags(&cobra.Command{
		Use: "ticker", Short: "Mail one watched address at a steady pace, with the API key in ESP_KEY if there is one", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t := shop.NewTicker(esp, os.Getenv("ESP_KEY"), every)
			go t.Run(c.Context())
			return shop.Serve(c.Context(), map[string]http.Handler{a.admin: t.Admin()})
		},
	}, false)
	c.Flags().StringVar(&esp, "esp", "http://api.esp", "base URL of the mail provider")
	c.Flags().DurationVar(&every, "every", 5*time.Millisecond, "time between mails")
	return c
}
