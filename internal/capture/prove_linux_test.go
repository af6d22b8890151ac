package capture

import (
	"context"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
)

// TestProve: what the rules leave open is found by trying it, one hole at a time, each in a network namespace of its own.
func TestProve(t *testing.T) {
	const v4, v6 = "ip addr add 192.0.2.2/24 dev pod0", "ip -6 addr add 2001:db8::2/64 dev pod0 nodad"
	for name, c := range map[string]struct {
		addresses []string
		rules     bool
		// change is made by commands once the rules are in place.
		change []string
		fails  string
	}{
		"both families":           {[]string{v4, v6}, true, nil, ""},
		"IPv4 alone":              {[]string{v4}, true, nil, ""},
		"IPv6 alone":              {[]string{v6}, true, nil, ""},
		"no network at all":       {nil, true, nil, "nothing was proven"},
		"no rules":                {[]string{v4, v6}, false, nil, "an outgoing IPv4 connection"},
		"no rules, IPv6 alone":    {[]string{v6}, false, nil, "an outgoing IPv6 connection"},
		"IPv6 is let through":     {[]string{v4, v6}, true, []string{"nft insert rule inet optup output-nat meta nfproto ipv6 return"}, "an outgoing IPv6 connection"},
		"IPv4 is let through":     {[]string{v4, v6}, true, []string{"nft insert rule inet optup output-nat meta nfproto ipv4 return"}, "an outgoing IPv4 connection"},
		"the port is let through": {[]string{v4}, true, []string{"nft insert rule inet optup output-nat tcp dport 443 return"}, "an outgoing IPv4 connection"},
		"QUIC is let through":     {[]string{v4}, true, []string{"nft flush chain inet optup output-filter"}, "a datagram by IPv4"},
		"QUIC by IPv6":            {[]string{v4, v6}, true, []string{"nft insert rule inet optup output-filter meta nfproto ipv6 return"}, "a datagram by IPv6"},
		"somebody takes them earlier": {[]string{v4}, true, []string{
			"nft add table ip mesh", "nft add chain ip mesh out '{ type nat hook output priority -110; }'", "nft add rule ip mesh out tcp dport 443 redirect to :15999",
		}, "an outgoing IPv4 connection"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			isolated(t, func(t *testing.T) {
				run(t, "ip link set lo up", "ip link add pod0 type veth peer name peer0", "ip link set peer0 up", "ip link set pod0 up")
				run(t, c.addresses...)
				if c.rules {
					if err := Install(Rules{UID: 64111, Outbound: 15001}); err != nil {
						t.Fatal(err)
					}
				}
				run(t, c.change...)
				err := Prove(t.Context(), []string{"127.0.0.1:15001", "[::1]:15001"})
				if (err == nil) != (c.fails == "") || (err != nil && !strings.Contains(err.Error(), c.fails)) {
					t.Errorf("%v; want %q", err, c.fails)
				}
			})
		})
	}
}

// TestProveAlias needs the machine's file of hosts to be another one, for which it has a mount namespace of its own.
func TestProveAlias(t *testing.T) {
	address := netip.MustParseAddr("127.64.0.9")
	for name, c := range map[string]struct {
		hosts, ports string
		fails        string
	}{
		"a name and a port":      {"127.64.0.9 api.esp.example\n", "0", ""},
		"no such name":           {"127.0.0.1 localhost\n", "0", "leads nowhere"},
		"somewhere else":         {"192.0.2.7 api.esp.example\n", "0", "and not to the sidecar"},
		"somewhere else, too":    {"127.64.0.9 api.esp.example\n192.0.2.7 api.esp.example\n", "0", "and not to the sidecar"},
		"low ports are for root": {"127.64.0.9 api.esp.example\n", "1024", "ip_unprivileged_port_start"},
	} {
		t.Run(name, func(t *testing.T) {
			isolated(t, func(t *testing.T) {
				const file = "/mnt/hosts"
				run(t, "ip link set lo up", "mount -t tmpfs tmpfs /mnt", "sysctl -qw net.ipv4.ip_unprivileged_port_start="+c.ports,
					"printf '"+c.hosts+"' > "+file, "mount --bind "+file+" /etc/hosts")
				asUser(t, func() {
					err := ProveAlias(context.Background(), address, "api.esp.example")
					if (err == nil) != (c.fails == "") || (err != nil && !strings.Contains(err.Error(), c.fails)) {
						t.Errorf("%v; want %q", err, c.fails)
					}
				})
			})
		})
	}
}

// TestAnApplicationCannotUndoTheRules: neither as itself, nor as root of a user namespace of its own, nor as the sidecar's user there.
func TestAnApplicationCannotUndoTheRules(t *testing.T) {
	isolated(t, func(t *testing.T) {
		run(t, "ip link set lo up", "ip link add pod0 type veth peer name peer0", "ip link set peer0 up", "ip link set pod0 up", "ip addr add 192.0.2.2/24 dev pod0")
		rules := Rules{UID: 64111, Outbound: 15001}
		if err := Install(rules); err != nil {
			t.Fatal(err)
		}
		const flush = "nft flush ruleset"
		for name, how := range map[string]string{
			"as itself":                            "setpriv --reuid 1000 --regid 1000 --clear-groups --bounding-set -all " + flush,
			"as root without capabilities":         "setpriv --bounding-set -all --inh-caps -all sh -c '" + flush + "'",
			"as root of its own user namespace":    "setpriv --reuid 1000 --regid 1000 --clear-groups unshare --user --map-root-user " + flush,
			"as the sidecar's user of a namespace": "setpriv --reuid 1000 --regid 1000 --clear-groups unshare --user --map-user=64111 timeout 3 bash -c 'exec 3<>/dev/tcp/192.0.2.77/80'",
			"by taking the sidecar's user":         "setpriv --reuid 1000 --regid 1000 --clear-groups --bounding-set -all setpriv --reuid 64111 true",
		} {
			t.Run(name, func(t *testing.T) {
				sidecar := listening(t, "127.0.0.1:15001")
				came := make(chan bool, 1)
				go func() { came <- accepted(t, sidecar) != nil }()
				out, err := exec.Command("sh", "-c", how).CombinedOutput()
				if strings.Contains(how, "/dev/tcp/") {
					if !<-came {
						t.Errorf("the connection did not come to the sidecar: %v %s", err, out)
					}
				} else if err == nil {
					t.Errorf("it succeeded: %s", out)
				}
				if err := Check(rules); err != nil {
					t.Error(err)
				}
			})
		}
	})
}
