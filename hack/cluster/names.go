package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// hostName is a name of at least two labels: one label would be a name of the cluster's own.
var hostName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)+$`)

// names is the file in which the cluster's name server finds names of the outside that a suite has asked for.
func (c cluster) names() string { return c.config("names") }

func namesCommand(t *target) *cobra.Command {
	return &cobra.Command{
		Use:   "names [HOST=ADDRESS ...]",
		Short: "Let these names, and no others of the outside, lead to servers inside the local cluster",
		Long: "Let these names, and no others of the outside, lead to servers inside the local cluster, so that a server of a test stands\n" +
			"in for a vendor. Every call replaces the names of the last; without an argument there are none. Returns when pods are answered so.",
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := parseNames(args)
			if err != nil {
				return err
			}
			if t.kind != localCluster {
				return fmt.Errorf("names of the outside can only be set on the local cluster; on %s give pods hostAliases", t.kind)
			}
			c := t.recorded()
			if !c.exists() {
				return errNoCluster
			}
			if err := c.setNames(names); err != nil {
				return err
			}
			return until(cmd.Context(), 10*time.Second, func(ctx context.Context) error { return answersNames(ctx, names) })
		},
	}
}

func parseNames(args []string) (map[string]netip.Addr, error) {
	names := map[string]netip.Addr{}
	for _, arg := range args {
		host, text, _ := strings.Cut(arg, "=")
		address, err := netip.ParseAddr(text)
		if err != nil || !hostName.MatchString(host) {
			return nil, fmt.Errorf("%q must be HOST=ADDRESS, for example api.vendor.example=10.202.0.9", arg)
		}
		if host == clusterDomain || strings.HasSuffix(host, "."+clusterDomain) {
			return nil, fmt.Errorf("%s is a name of the cluster itself", host)
		}
		names[host] = address
	}
	return names, nil
}

// setNames writes by rename, so that the name server never reads half a file.
func (c cluster) setNames(names map[string]netip.Addr) error {
	var lines []string
	for host, address := range names {
		lines = append(lines, address.String()+" "+host+"\n")
	}
	slices.Sort(lines)
	if err := writeFile(c.names()+".new", []byte(strings.Join(lines, "")), 0o644); err != nil {
		return err
	}
	return os.Rename(c.names()+".new", c.names())
}

// answersNames asks the cluster's name server for each name.
func answersNames(ctx context.Context, names map[string]netip.Addr) error {
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, nodeIP+":53")
	}}
	for host, address := range names {
		got, err := resolver.LookupHost(ctx, host+".")
		if err != nil {
			return err
		}
		if !slices.Equal(got, []string{address.String()}) {
			return fmt.Errorf("%s is %v instead of %s", host, got, address)
		}
	}
	return nil
}
