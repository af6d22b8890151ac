package capture

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// soOriginalDst is SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST (linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h).
const soOriginalDst = 80

// ErrNotRedirected reports a connection that was made to the sidecar's own port.
var ErrNotRedirected = errors.New("the connection was not redirected")

// Original gives the destination that the client of a redirected connection dialled.
func Original(c net.Conn) (netip.AddrPort, error) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return netip.AddrPort{}, ErrNotRedirected
	}
	sys, err := tcp.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, err
	}
	local, ok := netip.AddrFromSlice(tcp.LocalAddr().(*net.TCPAddr).IP)
	if !ok {
		return netip.AddrPort{}, ErrNotRedirected
	}
	var dst netip.AddrPort
	var serr error
	err = sys.Control(func(fd uintptr) {
		if local.Unmap().Is4() {
			dst, serr = original4(int(fd))
		} else {
			dst, serr = original6(int(fd))
		}
	})
	if err == nil {
		err = serr
	}
	if err != nil {
		return netip.AddrPort{}, err
	}
	if dst == netip.AddrPortFrom(local.Unmap(), uint16(tcp.LocalAddr().(*net.TCPAddr).Port)) {
		return netip.AddrPort{}, ErrNotRedirected // dialled as such; it would come back for ever
	}
	return dst, nil
}

func original4(fd int) (netip.AddrPort, error) {
	// sockaddr_in has 16 bytes, which is what this option's buffer happens to have.
	b, err := unix.GetsockoptIPv6Mreq(fd, unix.SOL_IP, soOriginalDst)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b.Multiaddr[4:8])), binary.BigEndian.Uint16(b.Multiaddr[2:4])), nil
}

func original6(fd int) (netip.AddrPort, error) {
	// sockaddr_in6 is the first member of ip6_mtuinfo.
	b, err := unix.GetsockoptIPv6MTUInfo(fd, unix.SOL_IPV6, soOriginalDst)
	if err != nil {
		return netip.AddrPort{}, err
	}
	// The port stands in network order in memory, whatever the machine's order.
	port := binary.NativeEndian.AppendUint16(nil, b.Addr.Port)
	return netip.AddrPortFrom(netip.AddrFrom16(b.Addr.Addr), binary.BigEndian.Uint16(port)), nil
}
