package main

import (
	"bytes"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAdopt: while the ledger serves, and nothing happens without a confirmation.
func TestAdopt(t *testing.T) {
	dir, args := folder(t)
	api, _, _ := start(t, http.DefaultClient, "http", args)
	epoch := func() string {
		t.Helper()
		status, body := call(t, http.DefaultClient, "GET", api+"/v1/head", "")
		m := regexp.MustCompile(`"epoch":"([^"]+)"`).FindStringSubmatch(body)
		if status != 200 || m == nil {
			t.Fatalf("%d %s", status, body)
		}
		return m[1]
	}
	adopt := func(more ...string) (string, error) {
		t.Helper()
		cmd := command()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetArgs(append([]string{
			"adopt", "--data", filepath.Join(dir, "data"), "--root-key", filepath.Join(dir, "root.key"), "--config", filepath.Join(dir, "config.json"),
		}, more...))
		err := cmd.ExecuteContext(t.Context())
		return out.String(), err
	}
	before := epoch()
	if out, err := adopt(); err != nil || !strings.Contains(out, before) || epoch() != before {
		t.Fatalf("%s %v", out, err)
	}
	if out, err := adopt("--epoch", "another"); err == nil || epoch() != before {
		t.Fatalf("another log was adopted: %s", out)
	}
	if out, err := adopt("--epoch", before); err != nil || !strings.Contains(out, epoch()) || epoch() == before {
		t.Fatalf("%s %v", out, err)
	}
}
