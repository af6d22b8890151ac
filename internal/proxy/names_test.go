package proxy

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/optup/optup/internal/pods"
)

// TestNamesAreCompleteBeforeTheyAreAsked: the pod's search domains lead to the application's own namespace first, in which anybody who may
// make a headless service called crm and a pod called customers would be customers.crm.
func TestNamesAreCompleteBeforeTheyAreAsked(t *testing.T) {
	const resolvConf = "search marketing.svc.cluster.local svc.cluster.local cluster.local\nnameserver 192.0.2.53\noptions ndots:5\n"
	domain := pods.Domain(resolvConf)
	if domain != "cluster.local" || pods.Domain("nameserver 192.0.2.53\nsearch corp.example\n") != "" {
		t.Errorf("domain %q", domain)
	}
	// As the cluster's name server answers.
	zone := map[string]string{
		"customers.crm.svc.cluster.local.":           "10.96.0.7",
		"customers.crm.marketing.svc.cluster.local.": "10.244.0.66",
		"api.esp.example.":                           "198.51.100.9",
		"esp.example.":                               "198.51.100.10",
	}
	// What is not complete is completed by the search domains, as resolvers do.
	ask := func(_ context.Context, _, host string) ([]netip.Addr, error) {
		names := []string{host}
		if host[len(host)-1] != '.' {
			names = []string{host + ".marketing.svc.cluster.local.", host + ".svc.cluster.local.", host + "."}
		}
		for _, n := range names {
			if a, ok := zone[n]; ok {
				return []netip.Addr{netip.MustParseAddr(a)}, nil
			}
		}
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	dial := complete(func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(addr)
		addrs, err := ask(ctx, network, host)
		if err != nil {
			return nil, err
		}
		return &dialled{addr: addrs[0].String()}, nil
	}, domain)
	for host, want := range map[string]string{
		"customers.crm": "10.96.0.7", "customers.crm.svc": "10.96.0.7", "customers.crm.svc.cluster.local": "10.96.0.7",
		"api.esp.example": "198.51.100.9", "esp.example": "198.51.100.10", "gone.crm": "", "gone.esp.example": "",
	} {
		addrs, err := lookup(ask).complete(t.Context(), host, domain)
		if err != nil || !slices.Equal(addrs, addrsOf(want)) {
			t.Errorf("%s is recognised at %v, %v; want %s", host, addrs, err, want)
		}
		c, err := dial(t.Context(), "tcp", net.JoinHostPort(host, "80"))
		if (err == nil) != (want != "") || (err == nil && c.(*dialled).addr != want) {
			t.Errorf("%s is dialled at %v, %v; want %s", host, c, err, want)
		}
	}
}

func addrsOf(of string) []netip.Addr {
	if of == "" {
		return nil
	}
	return []netip.Addr{netip.MustParseAddr(of)}
}

// TestAnAnswerThatIsMissingIsNoAnswer: a name server that fails for one spelling may have known an address by it. Those after one that exists
// are not asked for.
func TestAnAnswerThatIsMissingIsNoAnswer(t *testing.T) {
	here := []netip.Addr{netip.MustParseAddr("192.0.2.7")}
	for failing, fails := range map[string]bool{"customers.crm.svc.cluster.local.": true, "customers.crm.": false} {
		got, err := lookup(func(_ context.Context, _, host string) ([]netip.Addr, error) {
			if host == failing {
				return nil, &net.DNSError{IsTimeout: true}
			}
			return here, nil
		}).complete(t.Context(), "customers.crm", "cluster.local")
		if (err != nil) != fails || (err == nil && !slices.Equal(got, here)) {
			t.Errorf("no answer for %s: %v, %v", failing, got, err)
		}
	}
}

// dialled is a connection to an address.
type dialled struct {
	net.Conn
	addr string
}
