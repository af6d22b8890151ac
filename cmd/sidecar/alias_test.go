package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/metrics"
)

// TestAliases: aliased hosts have doors at the ports that the bundle in force declares, and no others do.
func TestAliases(t *testing.T) {
	esp, crm := aliased{netip.MustParseAddr("127.64.0.9"), "api.esp.example"}, aliased{netip.MustParseAddr("127.64.0.10"), "customers.crm"}
	came := make(chan string, 1)
	d := &aliases{hosts: []aliased{esp, crm}, serve: func(ctx context.Context, l net.Listener, host string, port uint16) error {
		stop := context.AfterFunc(ctx, func() { _ = l.Close() })
		defer stop()
		for {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			came <- fmt.Sprintf("%s:%d", host, port)
			_ = c.Close()
		}
	}}
	goes := func(a aliased, port uint16) string {
		t.Helper()
		c, err := net.DialTimeout("tcp", netip.AddrPortFrom(a.address, port).String(), time.Second)
		if err != nil {
			return ""
		}
		defer func() { _ = c.Close() }()
		return <-came
	}
	bundle := func(hosts []string, ports ...int) *ir.Bundle {
		s := ir.Service{Name: "x/y", Hosts: hosts}
		for _, p := range ports {
			s.Ports = append(s.Ports, ir.Port{Port: p, Protocol: "HTTP"})
		}
		return &ir.Bundle{Services: []ir.Service{s}}
	}
	d.follow(t.Context(), bundle([]string{"api.esp.example", "other.example"}, 18025, 18026))
	for port, want := range map[uint16]string{18025: "api.esp.example:18025", 18026: "api.esp.example:18026", 18027: ""} {
		if got := goes(esp, port); got != want {
			t.Errorf("port %d leads to %q, want %q", port, got, want)
		}
	}
	if got := goes(crm, 18025); got != "" {
		t.Errorf("a host that nothing declares leads to %q", got)
	}
	taken, err := net.Listen("tcp", "127.64.0.10:18030")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	d.follow(t.Context(), bundle([]string{"api.esp.example", "customers.crm"}, 18026, 18030))
	if got := goes(esp, 18030); got != "api.esp.example:18030" {
		t.Errorf("a port that was declared later leads to %q", got)
	}
	until(t, func() bool { return goes(esp, 18025) == "" })
	r := metrics.New()
	d.export(r)
	if got := d.shut; got != 1 {
		t.Errorf("%d doors could not be opened, want 1", got)
	}
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); {
		if time.Now().After(end) {
			t.Fatal("it did not come to that")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestAliasesAreOfLoopback(t *testing.T) {
	for v, ok := range map[string]bool{
		"127.64.0.9=api.esp.example": true, "127.64.0.9=": false, "api.esp.example": false, "192.0.2.7=api.esp.example": false, "=x": false,
	} {
		if _, err := parseAlias(v); (err == nil) != ok {
			t.Errorf("%s: %v", v, err)
		}
	}
}
