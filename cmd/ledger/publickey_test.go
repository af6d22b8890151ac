package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func TestPublicKey(t *testing.T) {
	dir, _ := folder(t)
	print := func() string {
		t.Helper()
		var out bytes.Buffer
		cmd := command()
		cmd.SetOut(&out)
		cmd.SetArgs([]string{"public-key", "--root-key", filepath.Join(dir, "root.key"), "--config", filepath.Join(dir, "config.json")})
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	key := print()
	if v, err := note.NewVerifier(strings.TrimSpace(key)); err != nil || !strings.HasPrefix(v.Name(), "optup.dev/ledger/") || print() != key {
		t.Fatalf("%q, %v", key, err)
	}
}
