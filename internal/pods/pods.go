package pods

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/optup/optup/internal/ir"
)

// MaxAddresses bounds what one sidecar is told, all hosts together. With it a message still fits what a sidecar takes.
const MaxAddresses = 16384

// Set are the pods behind one host of a bundle.
type Set struct {
	Host   string
	Groups []Group
	// Incomplete tells that there are more pods than are named.
	Incomplete bool
}

// Group are addresses with the same ports.
type Group struct {
	Addresses []netip.Addr
	Ports     []Port
	// Shared tells that the other ports of the addresses are somebody else's, as those of a node are where pods use its network.
	Shared bool
}

// Port says which port of the Service a port of the pods stands for.
type Port struct{ Port, Target uint16 }

// Len is how many addresses a set has.
func (s *Set) Len() (n int) {
	for i := range s.Groups {
		n += len(s.Groups[i].Addresses)
	}
	return n
}

// Cut gives a set with at most n addresses, incomplete if there are more.
func (s *Set) Cut(n int) *Set {
	if s.Len() <= n {
		return s
	}
	out := &Set{Host: s.Host, Incomplete: true}
	for _, g := range s.Groups {
		g.Addresses = g.Addresses[:min(n, len(g.Addresses))]
		n -= len(g.Addresses)
		if len(g.Addresses) > 0 {
			out.Groups = append(out.Groups, g)
		}
	}
	return out
}

// Equal tells whether two sets say the same in the same order.
func (s *Set) Equal(o *Set) bool {
	return s.Host == o.Host && s.Incomplete == o.Incomplete && slices.EqualFunc(s.Groups, o.Groups, func(a, b Group) bool {
		return a.Shared == b.Shared && slices.Equal(a.Addresses, b.Addresses) && slices.Equal(a.Ports, b.Ports)
	})
}

// bytes of one address on the wire, where those of IPv4 are spelled as ones of IPv6.
const size = 16

// Pack writes addresses one after the other.
func Pack(addresses []netip.Addr) []byte {
	out := make([]byte, 0, size*len(addresses))
	for _, a := range addresses {
		b := a.As16()
		out = append(out, b[:]...)
	}
	return out
}

var errLength = errors.New("the addresses of pods are cut off")

// Unpack reads what Pack has written.
func Unpack(b []byte) ([]netip.Addr, error) {
	if len(b)%size != 0 || len(b) > size*MaxAddresses {
		return nil, errLength
	}
	out := make([]netip.Addr, 0, len(b)/size)
	for ; len(b) > 0; b = b[size:] {
		out = append(out, netip.AddrFrom16([size]byte(b)).Unmap())
	}
	return out, nil
}

// Hosts are those of a bundle's services, each once.
func Hosts(b *ir.Bundle) (out []string) {
	for i := range b.Services {
		out = append(out, b.Services[i].Hosts...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
