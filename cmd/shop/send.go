package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/shop"
)

func campaignCommand() *cobra.Command {
	return sendCommand("campaign", "Send the newsletter to a list, with the API key in ESP_KEY if there is one", shop.Campaign)
}

func invoiceCommand() *cobra.Command {
	return sendCommand("invoice", "Send everybody on a list their invoice", shop.Invoices)
}

// sendCommand sends to a list and prints one line of JSON about it. It succeeds if every request was answered, be it with a no.
func sendCommand(name, short string, sending func(esp string, patience time.Duration) shop.Sending) *cobra.Command {
	var list, esp string
	var patience time.Duration
	c := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			people, err := shop.ReadAddressees(list)
			if err != nil {
				return err
			}
			s := sending(esp, patience)
			s.Key = os.Getenv("ESP_KEY")
			sum := s.Run(c.Context(), people)
			line, err := json.Marshal(sum)
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintln(c.OutOrStdout(), string(line))
			if !sum.Answered() {
				return errors.New("not every request was answered")
			}
			return nil
		},
	}
	c.Flags().StringVar(&list, "list", "/lists/addressees.csv", "addressee list (CSV: email,id)")
	c.Flags().StringVar(&esp, "esp", "http://api.esp", "base URL of the mail provider")
	c.Flags().DurationVar(&patience, "retry-for", time.Minute, "time that all requests together may wait for another try")
	return c
}
