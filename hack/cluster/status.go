package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
)

// status prints every process and how the cluster fares. It returns an error when the cluster is not in order, so that scripts can
// ask for it.
func (c cluster) status(ctx context.Context, w io.Writer) error {
	c = c.recorded()
	if !c.exists() {
		return errNoCluster
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, p := range c.components() {
		state := "does not run"
		if pid := c.alive(p); pid != 0 {
			state = fmt.Sprintf("process %d", pid)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", p.name, state, c.logFile(p.name))
	}
	fmt.Fprintf(table, "API server\t%s\n", c.server())
	fmt.Fprintf(table, "images\t%s\n", registryAddr)
	fmt.Fprintf(table, "kubeconfig\t%s\n", c.kubeconfig("admin"))
	if err := table.Flush(); err != nil {
		return err
	}
	if err := c.healthy(ctx); err != nil {
		return fmt.Errorf("the cluster is not in order: %w", err)
	}
	fmt.Fprintln(w, "the node is ready and names resolve")
	return nil
}
