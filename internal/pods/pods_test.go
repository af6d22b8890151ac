package pods

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

const crm = "customers.crm"

var (
	web   = []Port{{Port: 80, Target: 8080}}
	a, b  = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::2")
	begin = time.Unix(1e9, 0)
)

func of(host string, addresses ...netip.Addr) Set {
	return Set{Host: host, Groups: []Group{{Addresses: addresses, Ports: web}}}
}

func at(addr netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(addr, port) }

// TestAnAddressIsThatOfItsPod by either family and however it is spelled, on each of its ports.
func TestAnAddressIsThatOfItsPod(t *testing.T) {
	table := (*Table)(nil).With(begin, of(crm, a, b))
	mapped := netip.AddrFrom16(a.As16())
	for _, to := range []netip.AddrPort{at(a, 8080), at(b, 8080), at(mapped, 8080), at(a, 5432)} {
		p := table.Of(to, begin)
		if !slices.Equal(p.Hosts(), []string{crm}) {
			t.Errorf("%s is that of %v", to, p.Hosts())
		}
		want := []uint16(nil)
		if to.Port() == 8080 {
			want = []uint16{80}
		}
		if got := p.Ports(crm, to.Port()); !slices.Equal(got, want) {
			t.Errorf("%s stands for the ports %v", to, got)
		}
	}
	if p := table.Of(at(netip.MustParseAddr("10.0.0.9"), 8080), begin); p != nil {
		t.Errorf("nobody's address is that of %v", p.Hosts())
	}
	if p := (*Table)(nil).Of(at(a, 8080), begin); p != nil || !(*Table)(nil).Complete() {
		t.Errorf("before anything is known: %v", p)
	}
}

// TestOtherPortsOfASharedAddressAreSomebodyElses: those of a node are not those of a pod that uses its network.
func TestOtherPortsOfASharedAddressAreSomebodyElses(t *testing.T) {
	table := (*Table)(nil).With(begin, Set{Host: crm, Groups: []Group{{Addresses: []netip.Addr{a}, Ports: web, Shared: true}}})
	if p := table.Of(at(a, 8080), begin); len(p) != 1 {
		t.Error("the Service's port of it is not the Service's")
	}
	if p := table.Of(at(a, 6443), begin); p != nil {
		t.Error("another port of it is the Service's")
	}
}

// TestAnAddressThatHasGoneCountsForAWhile: what may still be a pod is not let pass, and nobody who gets the address later is refused for ever.
func TestAnAddressThatHasGoneCountsForAWhile(t *testing.T) {
	table := (*Table)(nil).With(begin, of(crm, a, b))
	table = table.With(begin, of(crm, b))
	for after, there := range map[time.Duration]bool{0: true, Linger - 1: true, Linger: false, time.Hour: false} {
		if p := table.Of(at(a, 8080), begin.Add(after)); (p != nil) != there {
			t.Errorf("after %v it is there: %v", after, p != nil)
		}
		if p := table.Of(at(b, 8080), begin.Add(after)); p == nil {
			t.Errorf("after %v the one that stayed is not there", after)
		}
	}
	again := table.With(begin.Add(Linger/2), of(crm, b))
	if p := again.Of(at(a, 8080), begin.Add(Linger)); p != nil {
		t.Error("it counts anew with each message")
	}
	if n := table.With(begin.Add(time.Hour), of(crm, b)).Len(); n != 1 {
		t.Errorf("%d addresses are kept for ever", n)
	}
	back := table.With(begin, of(crm, a, b))
	if p := back.Of(at(a, 8080), begin.Add(time.Hour)); len(p) != 1 {
		t.Errorf("one that came back is that of %v", p.Hosts())
	}
}

// TestHostsAreToldApart: a set replaces that of its own host only, and a pod of two hosts is one of both.
func TestHostsAreToldApart(t *testing.T) {
	other := Set{Host: "shop.crm", Groups: []Group{{Addresses: []netip.Addr{a}, Ports: []Port{{Port: 8080, Target: 8080}}}}}
	table := (*Table)(nil).With(begin, of(crm, a), other)
	p := table.Of(at(a, 8080), begin)
	if !slices.Equal(p.Hosts(), []string{crm, "shop.crm"}) || !slices.Equal(p.Ports(crm, 8080), []uint16{80}) || !slices.Equal(p.Ports("shop.crm", 8080), []uint16{8080}) {
		t.Errorf("%+v", p)
	}
	if p = table.With(begin, of(crm, b)).Of(at(a, 8080), begin.Add(time.Hour)); !slices.Equal(p.Hosts(), []string{"shop.crm"}) {
		t.Errorf("without the first: %v", p.Hosts())
	}
	if p = table.Only([]string{crm}).Of(at(a, 8080), begin); !slices.Equal(p.Hosts(), []string{crm}) {
		t.Errorf("with the first only: %v", p.Hosts())
	}
	if table.Only([]string{crm, "shop.crm", "x"}) != table || (*Table)(nil).Only(nil) != nil {
		t.Error("a table that stays the same is made anew")
	}
}

// TestWhatIsCutSaysSo, and no host's completeness hides another's.
func TestWhatIsCutSaysSo(t *testing.T) {
	s := Set{Host: crm, Groups: []Group{{Addresses: []netip.Addr{a}, Ports: web}, {Addresses: []netip.Addr{b}, Shared: true}}}
	if s.Cut(2) != &s || s.Len() != 2 {
		t.Error("a set that fits was cut")
	}
	cut := s.Cut(1)
	if cut.Len() != 1 || !cut.Incomplete || s.Incomplete || len(cut.Groups) != 1 {
		t.Errorf("%+v", cut)
	}
	if table := (*Table)(nil).With(begin, *cut, of("shop.crm", b)); table.Complete() {
		t.Error("what was cut counts as complete")
	}
}

func TestAddressesArePacked(t *testing.T) {
	got, err := Unpack(Pack([]netip.Addr{a, b}))
	if err != nil || !slices.Equal(got, []netip.Addr{a, b}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, n := range []int{1, 15, 17, size * (MaxAddresses + 1)} {
		if got, err := Unpack(make([]byte, n)); err == nil {
			t.Errorf("%d bytes are %d addresses", n, len(got))
		}
	}
}

func TestSetsAreCompared(t *testing.T) {
	one := of(crm, a)
	for name, other := range map[string]Set{
		"another host": of("x", a), "another address": of(crm, b), "one more": of(crm, a, b), "none": {Host: crm},
		"other ports": {Host: crm, Groups: []Group{{Addresses: []netip.Addr{a}}}},
		"shared":      {Host: crm, Groups: []Group{{Addresses: []netip.Addr{a}, Ports: web, Shared: true}}},
		"incomplete":  {Host: crm, Groups: one.Groups, Incomplete: true},
	} {
		if one.Equal(&other) {
			t.Errorf("%s is the same", name)
		}
	}
	same := of(crm, a)
	if !one.Equal(&same) {
		t.Error("the same is another")
	}
}
