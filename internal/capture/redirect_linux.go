package capture

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Table is the name of the nftables table (family inet) that holds the rules.
const Table = "optup"

// natRules and filterRules are how many rules each chain has.
const (
	natRules    = 3
	filterRules = 3
)

// Install replaces the rules of this network namespace: TCP goes to port, except for what uid sends and for the loopback interface.
// QUIC (UDP port 443), which could not be looked into, is rejected, so that clients fall back to TCP.
func Install(uid uint32, port uint16) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open netfilter: %w", err)
	}
	t := &nftables.Table{Family: nftables.TableFamilyINet, Name: Table}
	// Adding before deleting makes deleting succeed where there was none; all of it is one transaction.
	c.AddTable(t)
	c.DelTable(t)
	c.AddTable(t)
	nat := c.AddChain(&nftables.Chain{
		Name: "output-nat", Table: t, Type: nftables.ChainTypeNAT, Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityNATDest,
	})
	add := func(chain *nftables.Chain, exprs ...expr.Any) {
		c.AddRule(&nftables.Rule{Table: t, Chain: chain, Exprs: exprs})
	}
	add(nat, concat(fromUser(uid), verdict(expr.VerdictReturn))...)
	add(nat, concat(toLoopback(), verdict(expr.VerdictReturn))...)
	add(nat, concat(protocol(unix.IPPROTO_TCP), []expr.Any{
		&expr.Immediate{Register: 1, Data: binaryutil.BigEndian.PutUint16(port)}, &expr.Redir{RegisterProtoMin: 1},
	})...)
	filter := c.AddChain(&nftables.Chain{
		Name: "output-filter", Table: t, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter,
	})
	add(filter, concat(fromUser(uid), verdict(expr.VerdictReturn))...)
	add(filter, concat(toLoopback(), verdict(expr.VerdictReturn))...)
	add(filter, concat(protocol(unix.IPPROTO_UDP), destinationPort(443), []expr.Any{
		&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_PORT_UNREACH},
	})...)
	if err := c.Flush(); err != nil {
		return fmt.Errorf("install the rules (this needs NET_ADMIN and the kernel's nftables with nat and inet): %w", err)
	}
	return Check()
}

// Check tells whether the rules are in place.
func Check() error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open netfilter: %w", err)
	}
	t := &nftables.Table{Family: nftables.TableFamilyINet, Name: Table}
	for chain, want := range map[string]int{"output-nat": natRules, "output-filter": filterRules} {
		rules, err := c.GetRules(t, &nftables.Chain{Name: chain, Table: t})
		if err != nil {
			return fmt.Errorf("read the rules of %s: %w", chain, err)
		}
		if len(rules) != want {
			return errors.New("the rules are not in place: " + chain + " has not the rules that it should have")
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
