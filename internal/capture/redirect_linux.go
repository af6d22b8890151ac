package capture

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Table is the name of the nftables table (family inet) that holds the rules.
const Table = "optup"

// Rules are what a network namespace is set up with.
type Rules struct {
	// UID is the sidecar's user, whose own packets pass.
	UID uint32
	// Outbound is the port that takes connections that the pod makes.
	Outbound uint16
	// Inbound is the port that takes connections that are made to the pod; 0 leaves those alone. Connections to Admin, the port of the
	// sidecar's own probes, are left alone anyway.
	Inbound, Admin uint16
}

// chain is one chain and its rules.
type chain struct {
	name     string
	kind     nftables.ChainType
	hook     *nftables.ChainHook
	priority *nftables.ChainPriority
	rules    [][]expr.Any
}

// chains are the chains of the table. TCP goes to the sidecar, except for what the sidecar sends and for the loopback interface. QUIC (UDP
// port 443), which could not be looked into, is rejected, so that clients fall back to TCP; and so is whatever else carries data beside TCP
// and UDP, such as SCTP.
func (r Rules) chains() []chain {
	passed := [][]expr.Any{concat(fromUser(r.UID), verdict(expr.VerdictReturn)), concat(toLoopback(), verdict(expr.VerdictReturn))}
	out := []chain{
		{"output-nat", nftables.ChainTypeNAT, nftables.ChainHookOutput, nftables.ChainPriorityNATDest, append(slices.Clone(passed),
			concat(protocol(unix.IPPROTO_TCP), redirectTo(r.Outbound)))},
		{"output-filter", nftables.ChainTypeFilter, nftables.ChainHookOutput, nftables.ChainPriorityFilter, append(slices.Clone(passed),
			concat(protocol(unix.IPPROTO_UDP), destinationPort(443), unreachable()),
			concat(protocol(unix.IPPROTO_TCP), verdict(expr.VerdictReturn)),
			concat(protocol(unix.IPPROTO_UDP), verdict(expr.VerdictReturn)),
			concat(protocol(unix.IPPROTO_ICMP), verdict(expr.VerdictReturn)),
			concat(protocol(unix.IPPROTO_ICMPV6), verdict(expr.VerdictReturn)),
			unreachable())},
	}
	if r.Inbound != 0 {
		// What the pod sends to itself was dealt with on its way out.
		out = append(out, chain{"prerouting-nat", nftables.ChainTypeNAT, nftables.ChainHookPrerouting, nftables.ChainPriorityNATDest, [][]expr.Any{
			concat(protocol(unix.IPPROTO_TCP), destinationPort(r.Admin), verdict(expr.VerdictReturn)),
			concat(toOwnAddress(), protocol(unix.IPPROTO_TCP), redirectTo(r.Inbound)),
		}})
	}
	return out
}

// Install replaces the rules of this network namespace.
func Install(r Rules) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open netfilter: %w", err)
	}
	t := &nftables.Table{Family: nftables.TableFamilyINet, Name: Table}
	// Adding before deleting makes deleting succeed where there was none; all of it is one transaction.
	c.AddTable(t)
	c.DelTable(t)
	c.AddTable(t)
	for _, x := range r.chains() {
		to := c.AddChain(&nftables.Chain{Name: x.name, Table: t, Type: x.kind, Hooknum: x.hook, Priority: x.priority})
		for _, exprs := range x.rules {
			c.AddRule(&nftables.Rule{Table: t, Chain: to, Exprs: exprs})
		}
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("install the rules (this needs NET_ADMIN and the kernel's nftables with nat and inet): %w", err)
	}
	return Check(r)
}

// Check tells whether the rules are in place.
func Check(r Rules) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open netfilter: %w", err)
	}
	t := &nftables.Table{Family: nftables.TableFamilyINet, Name: Table}
	for _, x := range r.chains() {
		rules, err := c.GetRules(t, &nftables.Chain{Name: x.name, Table: t})
		if err != nil {
			return fmt.Errorf("read the rules of %s: %w", x.name, err)
		}
		if len(rules) != len(x.rules) {
			return errors.New("the rules are not in place: " + x.name + " has not the rules that it should have")
		}
	}
	return nil
}

// Remove takes the rules away.
func Remove() error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open netfilter: %w", err)
	}
	t := &nftables.Table{Family: nftables.TableFamilyINet, Name: Table}
	c.AddTable(t)
	c.DelTable(t)
	return c.Flush()
}

func concat(parts ...[]expr.Any) []expr.Any {
	var out []expr.Any
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func verdict(k expr.VerdictKind) []expr.Any { return []expr.Any{&expr.Verdict{Kind: k}} }

func fromUser(uid uint32) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeySKUID, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(uid)},
	}
}

func toLoopback() []expr.Any {
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, "lo")
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: name},
	}
}

// toOwnAddress matches what is sent to one of this network namespace's own addresses.
func toOwnAddress() []expr.Any {
	return []expr.Any{
		&expr.Fib{Register: 1, FlagDADDR: true, ResultADDRTYPE: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_LOCAL)},
	}
}

func redirectTo(port uint16) []expr.Any {
	return []expr.Any{&expr.Immediate{Register: 1, Data: binaryutil.BigEndian.PutUint16(port)}, &expr.Redir{RegisterProtoMin: 1}}
}

// unreachable rejects as a closed port does.
func unreachable() []expr.Any {
	return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_PORT_UNREACH}}
}

func protocol(number byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{number}},
	}
}

func destinationPort(port uint16) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(port)},
	}
}
