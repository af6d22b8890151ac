package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// endings adds to a command's help how it ends. Found is empty for commands that find nothing wrong.
func endings(c *cobra.Command, ok, found string) *cobra.Command {
	text := "\n\nExit codes:\n  0  " + ok + "\n"
	if found != "" {
		text += "  1  " + found + "\n"
	}
	if c.Long == "" {
		c.Long = c.Short + "."
	}
	c.Long = strings.TrimSpace(c.Long) + text + "  2  the command could not do its work"
	return c
}
