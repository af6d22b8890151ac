package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRotateKeys: begun while the ledger serves, it is carried through to where sidecars are told; the next key alone is enough then, and gives
// the same public key.
func TestRotateKeys(t *testing.T) {
	dir, args := folder(t)
	next := filepath.Join(dir, "next.key")
	_, _, stop := start(t, http.DefaultClient, "http", append(args, "--next-root-key", next)) // it is not there, and need not be
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), "keygen", "--out", next); err != nil {
		t.Fatal(err)
	}
	given := `{"identifiers":[{"type":"email","value":"ada@example.org"}],"event":{"type":"given","purpose":"newsletter","notice":"newsletter-v1","pending":true}}`
	api, admin, stop := start(t, http.DefaultClient, "http", append(args, "--next-root-key", next))
	if status, body := call(t, http.DefaultClient, "POST", api+"/v1/events", given); status != 201 {
		t.Fatal(body)
	}
	on := func(name, root string, more ...string) (string, error) {
		t.Helper()
		cmd := command()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetArgs(append([]string{name, "--data", filepath.Join(dir, "data"), "--root-key", root, "--config", filepath.Join(dir, "config.json")}, more...))
		err := cmd.ExecuteContext(t.Context())
		return out.String(), err
	}
	root := filepath.Join(dir, "root.key")
	public, err := on("public-key", root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := on("rotate-keys", root, "--begin"); err == nil {
		t.Fatal("it begins without a next key")
	}
	if out, err := on("rotate-keys", root, "--next-root-key", next); err != nil || !strings.Contains(out, "key 1 is the only one") {
		t.Fatalf("%s %v", out, err)
	}
	if out, err := on("rotate-keys", root, "--next-root-key", next, "--begin"); err != nil || !strings.Contains(out, "key 2") {
		t.Fatalf("%s %v", out, err)
	}
	if _, err := on("rotate-keys", root, "--next-root-key", next, "--begin"); err == nil {
		t.Fatal("it begins twice")
	}
	metric := ""
	for deadline := time.Now().Add(time.Minute); !strings.Contains(metric, "optup_ledger_tag_key 2"); time.Sleep(20 * time.Millisecond) {
		if _, metric = call(t, http.DefaultClient, "GET", admin+"/metrics", ""); time.Now().After(deadline) {
			t.Fatal("the next key is never in use")
		}
	}
	if !strings.Contains(metric, "optup_ledger_rekeyed_total 1") || !strings.Contains(metric, "optup_ledger_rekey_left 0") {
		t.Error("the metrics do not say what was done")
	}
	if out, err := on("rotate-keys", next); err != nil || !strings.Contains(out, "key 2 is in use") {
		t.Fatalf("%s %v", out, err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if again, err := on("public-key", next); err != nil || again != public {
		t.Fatalf("the public key was %s, and is %s, %v", public, again, err)
	}
	if err := run(t.Context(), append(args, "--listen", freePort(t), "--admin", freePort(t))...); err == nil || !strings.Contains(err.Error(), "another root key") {
		t.Fatalf("with the old key alone: %v", err)
	}
	if err := os.Rename(next, root); err != nil {
		t.Fatal(err)
	}
	api, _, _ = start(t, http.DefaultClient, "http", args)
	status, body := call(t, http.DefaultClient, "POST", api+"/v1/people/lookup", `{"identifier":{"type":"email","value":"ada@example.org"}}`)
	if status != 200 || !strings.Contains(body, `"known":true`) {
		t.Fatalf("%d %s", status, body)
	}
}
