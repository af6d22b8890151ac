package capture

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOtherProtocols: of what an application may send, only TCP (to the sidecar), UDP and ICMP leave the pod. Raw packets of any protocol stand
// for those that this kernel has no sockets for; whoever may send them is reported as cooperative anyway.
func TestOtherProtocols(t *testing.T) {
	isolated(t, func(t *testing.T) {
		peer := twoPods(t)
		run(t, "ip neigh replace 192.0.2.2 lladdr $(ip -n "+peer.namespace+" -br link show peer0 | awk '{print $3}') dev pod0")
		arrived := func(protocol int, send func()) bool {
			t.Helper()
			counter := fmt.Sprintf("ip netns exec %s nft", peer.namespace)
			run(t, counter+" add table inet seen", counter+" flush table inet seen", counter+" delete table inet seen", counter+" add table inet seen",
				counter+" add chain inet seen in '{ type filter hook prerouting priority -300; }'",
				fmt.Sprintf("%s add rule inet seen in meta l4proto %d counter comment seen", counter, protocol))
			send()
			time.Sleep(50 * time.Millisecond)
			out := output(t, counter+" list table inet seen")
			return !strings.Contains(out, "packets 0 ")
		}
		for name, c := range map[string]struct {
			protocol int
			port     uint16
			passes   bool
		}{
			"SCTP": {unix.IPPROTO_SCTP, 443, false}, "DCCP": {unix.IPPROTO_DCCP, 443, false}, "UDP-Lite": {unix.IPPROTO_UDPLITE, 443, false},
			"GRE": {unix.IPPROTO_GRE, 0, false}, "IP in IP": {unix.IPPROTO_IPIP, 0, false}, "a protocol of nobody": {253, 0, false},
			"UDP to port 443": {unix.IPPROTO_UDP, 443, false}, "UDP to another port": {unix.IPPROTO_UDP, 8125, true}, "ICMP": {unix.IPPROTO_ICMP, 0x0800, true},
		} {
			t.Run(name, func(t *testing.T) {
				send := func() { raw(t, c.protocol, c.port) }
				if err := Remove(); err != nil {
					t.Fatal(err)
				}
				if !arrived(c.protocol, send) {
					t.Fatal("without rules nothing arrives either")
				}
				if err := Install(Rules{UID: 64111, Outbound: 15001}); err != nil {
					t.Fatal(err)
				}
				if got := arrived(c.protocol, send); got != c.passes {
					t.Errorf("arrived: %v", got)
				}
			})
		}
	})
}

// raw sends a packet of a protocol, with ports as most have them.
func raw(t *testing.T, protocol int, port uint16) {
	t.Helper()
	c, err := net.Dial(fmt.Sprintf("ip4:%d", protocol), "192.0.2.2")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	packet := make([]byte, 32)
	if protocol == unix.IPPROTO_ICMP {
		binary.BigEndian.PutUint16(packet, port) // an echo request
	} else {
		binary.BigEndian.PutUint16(packet, 40000)
		binary.BigEndian.PutUint16(packet[2:], port)
		binary.BigEndian.PutUint16(packet[4:], uint16(len(packet)))
	}
	_, _ = c.Write(packet)
}
