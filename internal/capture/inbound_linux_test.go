package capture

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestInbound: connections from elsewhere to the pod's own addresses come to the sidecar, which learns where they went; the sidecar's own,
// those of the pod with itself, and those to the probes' port do not. A second network namespace is the elsewhere.
func TestInbound(t *testing.T) {
	isolated(t, func(t *testing.T) {
		const uid, port, admin = 64111, 15006, 15020
		peer := twoPods(t)
		if err := Install(Rules{UID: uid, Outbound: 15001, Inbound: port, Admin: admin}); err != nil {
			t.Fatal(err)
		}
		sidecar := listening(t, fmt.Sprintf(":%d", port))
		for _, dst := range []string{"192.0.2.1:8080", "192.0.2.9:8080", "[2001:db8::1]:9999"} {
			done := peer.dial(dst)
			c := accepted(t, sidecar)
			if c == nil {
				t.Fatalf("%s was not redirected", dst)
			}
			if got, err := Original(c); err != nil || got.String() != dst {
				t.Errorf("original destination %s, %v; want %s", got, err, dst)
			}
			_, _ = io.WriteString(c, "sidecar\n")
			_ = c.Close()
			if got := <-done; got != "sidecar" {
				t.Errorf("%s: the client read %q", dst, got)
			}
		}
		// What only passes through goes on.
		run(t, "sysctl -qw net.ipv4.ip_forward=1", "ip -n "+peer.namespace+" route add 198.51.100.0/24 via 192.0.2.1")
		passing := peer.dial("198.51.100.7:80")
		_ = sidecar.SetDeadline(time.Now().Add(300 * time.Millisecond))
		if c, err := sidecar.Accept(); err == nil {
			t.Error("a connection that was not to the pod came to the sidecar")
			_ = c.Close()
		}
		<-passing
		// Dialled as such, it has no other destination.
		done := peer.dial(fmt.Sprintf("192.0.2.1:%d", port))
		c := accepted(t, sidecar)
		if c == nil {
			t.Fatal("nothing came")
		}
		if dst, err := Original(c); err == nil && dst.Port() != port {
			t.Errorf("a connection to the sidecar's own port was for %s", dst)
		}
		_ = c.Close()
		<-done
		for name, dial := range map[string]struct {
			to   string
			dial func(to string) <-chan string
		}{
			"the probes' port, from elsewhere":            {fmt.Sprintf("192.0.2.1:%d", admin), peer.dial},
			"the pod with itself, by its address":         {"192.0.2.1:8081", here(1000).dial},
			"the pod with itself, by loopback":            {"127.0.0.1:8082", here(1000).dial},
			"the sidecar's own user, by its address":      {"192.0.2.1:8083", here(uid).dial},
			"the sidecar's own user, by the IPv6 address": {"[2001:db8::1]:8084", here(uid).dial},
		} {
			app := listening(t, dial.to)
			done := dial.dial(dial.to)
			if c := accepted(t, app); c == nil {
				t.Errorf("%s: did not arrive", name)
			} else {
				_, _ = io.WriteString(c, "app\n")
				_ = c.Close()
			}
			if got := <-done; got != "app" {
				t.Errorf("%s: read %q", name, got)
			}
		}
		if err := Check(Rules{UID: uid, Outbound: 15001, Inbound: port, Admin: admin}); err != nil {
			t.Error(err)
		}
		if err := Install(Rules{UID: uid, Outbound: 15001}); err != nil {
			t.Fatal(err)
		}
		if err := Check(Rules{UID: uid, Outbound: 15001, Inbound: port, Admin: admin}); err == nil {
			t.Error("rules for connections to the pod are in place that nobody asked for")
		}
		app := listening(t, "192.0.2.1:8080")
		done = peer.dial("192.0.2.1:8080")
		if c := accepted(t, app); c == nil {
			t.Error("what nobody asked to redirect did not arrive")
		} else {
			_ = c.Close()
		}
		<-done
	})
}

// place is where somebody dials from: a network namespace (empty for this one) and a user.
type place struct {
	namespace string
	uid       uint32
}

func here(uid uint32) place { return place{uid: uid} }

// dial connects, and gives the first line that comes back.
func (p place) dial(to string) <-chan string {
	out := make(chan string, 1)
	at := netip.MustParseAddrPort(to)
	script := fmt.Sprintf("exec 3<>/dev/tcp/%s/%d && read -t 3 line <&3; echo \"$line\"", at.Addr(), at.Port())
	args := []string{"bash", "-c", script}
	if p.namespace != "" {
		args = append([]string{"ip", "netns", "exec", p.namespace}, args...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: p.uid, Gid: p.uid}}
	go func() {
		defer cancel()
		line, _ := cmd.CombinedOutput()
		out <- strings.TrimSpace(string(line))
	}()
	return out
}

// twoPods sets this network namespace up with the addresses 192.0.2.1, 192.0.2.9 and 2001:db8::1, and gives another one on the same wire.
func twoPods(t *testing.T) place {
	t.Helper()
	other := fmt.Sprintf("optup-%d", time.Now().UnixNano())
	run(t, "ip link set lo up", "ip netns add "+other)
	t.Cleanup(func() { run(t, "ip netns del "+other) })
	run(t,
		"ip link add pod0 type veth peer name peer0 netns "+other, "ip link set pod0 up",
		"ip addr add 192.0.2.1/24 dev pod0", "ip addr add 192.0.2.9/24 dev pod0", "ip -6 addr add 2001:db8::1/64 dev pod0 nodad",
		"ip -n "+other+" link set lo up", "ip -n "+other+" link set peer0 up",
		"ip -n "+other+" addr add 192.0.2.2/24 dev peer0", "ip -n "+other+" -6 addr add 2001:db8::2/64 dev peer0 nodad",
	)
	return place{namespace: other}
}

func run(t *testing.T, commands ...string) {
	t.Helper()
	for _, c := range commands {
		if out, err := exec.Command("sh", "-c", c).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", c, err, out)
		}
	}
}

// output is what a command prints.
func output(t *testing.T, command string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v %s", command, err, out)
	}
	return string(out)
}

func listening(t *testing.T, addr string) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.TCPListener)
}

// accepted is the next connection; nil if none comes.
func accepted(t *testing.T, l *net.TCPListener) net.Conn {
	t.Helper()
	_ = l.SetDeadline(time.Now().Add(30 * time.Second))
	c, err := l.Accept()
	if err != nil {
		return nil
	}
	return c
}
