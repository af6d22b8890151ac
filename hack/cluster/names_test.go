package main

import (
	"os"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	c := settled(t)
	if data, err := os.ReadFile(c.names()); err != nil || len(data) > 0 {
		t.Errorf("a new cluster knows no name of the outside: %q, %v", data, err)
	}
	names, err := parseNames([]string{"b.vendor.example=10.202.0.9", "a.vendor.example=fd00::1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.setNames(names); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(c.names()); err != nil || string(data) != "10.202.0.9 b.vendor.example\nfd00::1 a.vendor.example\n" {
		t.Errorf("%q, %v", data, err)
	}
}

// A name of the cluster itself must stay what Kubernetes says, and nothing but names and addresses may reach the file.
func TestOnlyNamesOfTheOutsideAreTaken(t *testing.T) {
	for _, arg := range []string{
		"api.esp.svc.cluster.local=10.202.0.9", "cluster.local=10.202.0.9", "api=10.202.0.9", "a.b", "a.b=", "a.b=c.d", "a.b=10.0.0.1 c.d", "a.b\n10.0.0.1 c=10.0.0.1", "A.b=10.0.0.1",
	} {
		if names, err := parseNames([]string{arg}); err == nil {
			t.Errorf("%s was taken: %v", strings.ReplaceAll(arg, "\n", `\n`), names)
		}
	}
}
