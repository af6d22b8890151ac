package capture

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// proveTime is how long one attempt may take. Packets that a rule turns around take no time; those that leave find nobody.
const proveTime = 2 * time.Second

// nobody are addresses that nobody has (RFC 5737, RFC 3849), so that an attempt which gets past the rules reaches nobody.
var nobody = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}

// Prove tries what an application could try, and fails with the first sentence about what does not come to where the sidecar will listen.
// Run it as a user whose connections are not let through, before the sidecar listens at the addresses. It needs no privilege.
func Prove(ctx context.Context, addresses []string) error {
	arrived, closeAll, err := arrivals(addresses)
	if err != nil {
		return err
	}
	defer closeAll()
	proven := false
	for _, to := range nobody {
		landed, err := proveTCP(ctx, netip.AddrPortFrom(to, 443), arrived)
		if err != nil {
			return err
		}
		if !landed {
			continue
		}
		proven = true
		if err := proveUDP(ctx, netip.AddrPortFrom(to, 443)); err != nil {
			return err
		}
	}
	if !proven {
		return errors.New("no connection could be made, neither by IPv4 nor by IPv6, so that nothing was proven; give the pod an address and a route")
	}
	return nil
}

// arrival is a connection that came to the sidecar's port.
type arrival struct{ from, original netip.AddrPort }

func arrivals(addresses []string) (<-chan arrival, func(), error) {
	arrived := make(chan arrival, 16)
	var listeners []net.Listener
	closeAll := func() {
		for _, l := range listeners {
			_ = l.Close()
		}
	}
	for _, a := range addresses {
		l, err := net.Listen("tcp", a)
		if errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.EAFNOSUPPORT) {
			continue // then connections by this family have to find no road
		}
		if err != nil {
			closeAll()
			return nil, nil, fmt.Errorf("listen where the sidecar will: %w", err)
		}
		listeners = append(listeners, l)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				original, _ := Original(c)
				from := c.RemoteAddr().(*net.TCPAddr).AddrPort()
				select {
				case arrived <- arrival{netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), original}:
				default:
				}
				_ = c.Close()
			}
		}()
	}
	return arrived, closeAll, nil
}

// proveTCP tells whether a connection came to the sidecar's port; false without an error if there is no road by its family.
func proveTCP(ctx context.Context, to netip.AddrPort, arrived <-chan arrival) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, proveTime)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", to.String())
	if noRoad(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("an outgoing %s connection (to %s) did not come to the sidecar's port: %w; are the rules in place, and is nothing else changing them?",
			family(to), to, err)
	}
	defer func() { _ = c.Close() }()
	from := c.LocalAddr().(*net.TCPAddr).AddrPort()
	for {
		select {
		case a := <-arrived:
			if a.from != from {
				continue
			}
			if a.original != to {
				return false, fmt.Errorf("an outgoing %s connection (to %s) came to the sidecar's port without telling where it was going; does the kernel track connections?",
					family(to), to)
			}
			return true, nil
		case <-ctx.Done():
			return false, fmt.Errorf("an outgoing %s connection (to %s) went past the sidecar's port; are the rules in place, and is nothing else changing them?",
				family(to), to)
		}
	}
}

// noRoad tells that a family cannot be used here at all: the pod has no address or no route.
func noRoad(err error) bool {
	return slices.ContainsFunc([]error{unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EADDRNOTAVAIL, unix.EAFNOSUPPORT}, func(e error) bool { return errors.Is(err, e) })
}

// proveUDP makes sure that a datagram is refused at once.
func proveUDP(ctx context.Context, to netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, proveTime)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "udp", to.String())
	if err != nil {
		return fmt.Errorf("a datagram to %s: %w", to, err)
	}
	defer func() { _ = c.Close() }()
	deadline, _ := ctx.Deadline()
	_ = c.SetDeadline(deadline)
	if _, err = c.Write([]byte("x")); err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EPERM) {
		return nil
	}
	return fmt.Errorf("a datagram by %s to port %d, as QUIC sends them, was not refused; are the rules in place, and is nothing else changing them?", family(to), to.Port())
}

func family(to netip.AddrPort) string {
	if to.Addr().Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// ProveAlias makes sure that a name leads to its address on this machine, and that a listener may take a low port there. Run it as the
// sidecar's user or any other, before the sidecar listens.
func ProveAlias(ctx context.Context, address netip.Addr, host string) error {
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return fmt.Errorf("the name %s leads nowhere: %w; are the pod's hostAliases in place?", host, err)
	}
	for _, a := range found {
		if a.Unmap() != address {
			return fmt.Errorf("the name %s leads to %s, and not to the sidecar at %s alone; is nothing else changing the pod's hostAliases?", host, a, address)
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", netip.AddrPortFrom(address, 80).String())
	if err != nil {
		return fmt.Errorf("nobody may listen for %s at %s: %w; is the sysctl net.ipv4.ip_unprivileged_port_start of the pod 0?", host, address, err)
	}
	return l.Close()
}
