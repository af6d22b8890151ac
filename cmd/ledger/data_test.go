package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/testkit/postgres"
)

// TestALogMovesToPostgreSQL: an export of an embedded ledger is imported into a database, and adopted there after it was restored.
func TestALogMovesToPostgreSQL(t *testing.T) {
	dir, args := folder(t)
	ours := []string{"--root-key", filepath.Join(dir, "root.key"), "--config", filepath.Join(dir, "config.json")}
	api, _, stop := start(t, http.DefaultClient, "http", args)
	event := `{"identifiers":[{"type":"email","value":"ada@example.org"}],"event":{"type":"withdrawn","purpose":"newsletter"}}`
	if status, body := call(t, http.DefaultClient, "POST", api+"/v1/events", event); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	_, export := call(t, http.DefaultClient, "GET", api+"/v1/export", "")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	url := write(t, filepath.Join(dir, "url"), []byte(postgres.Shared(t).Database(t)))
	file := write(t, filepath.Join(dir, "export.jsonl"), []byte(export))
	load := append([]string{"import", file, "--database-url-file", url}, ours...)
	if out, err := output(t, load...); err != nil || !strings.Contains(out, "imported 1 events") {
		t.Fatalf("%s, %v", out, err)
	}
	if _, err := output(t, load...); err == nil || !strings.Contains(err.Error(), "empty ledger") {
		t.Errorf("a second time: %v", err)
	}
	adopt := func(more ...string) string {
		t.Helper()
		out, err := output(t, append(append([]string{"adopt", "--database-url-file", url}, ours...), more...)...)
		if err != nil || !strings.Contains(out, "position 1") {
			t.Fatalf("%s, %v", out, err)
		}
		out = strings.TrimPrefix(out, "adopted: ")
		return strings.TrimSuffix(strings.Fields(out)[1], ",")
	}
	before := adopt()
	if after := adopt("--epoch", before); after == before || adopt() != after {
		t.Fatalf("the epoch was %s and is %s", before, after)
	}
	api, _, _ = start(t, http.DefaultClient, "http", append(without(args, "--data"), "--database-url-file", url))
	if status, body := call(t, http.DefaultClient, "GET", api+"/v1/head", ""); status != 200 || !strings.Contains(body, `"position":1,`) {
		t.Fatalf("%d %s", status, body)
	}
}

// TestAdoptMakesNoDatabase: a mistyped directory is no empty ledger.
func TestAdoptMakesNoDatabase(t *testing.T) {
	dir, _ := folder(t)
	wrong := filepath.Join(dir, "dada")
	_, err := output(t, "adopt", "--data", wrong, "--root-key", filepath.Join(dir, "root.key"), "--config", filepath.Join(dir, "config.json"))
	if err == nil || !strings.Contains(err.Error(), "is --data the directory") {
		t.Errorf("err = %v", err)
	}
	if _, err := os.Stat(wrong); !os.IsNotExist(err) {
		t.Errorf("something was made there: %v", err)
	}
}

// TestADatabaseThatRefusesSaysWhatToDo: on a real server, and by what the driver says where there is none.
func TestADatabaseThatRefusesSaysWhatToDo(t *testing.T) {
	dir, args := folder(t)
	args = append(without(args, "--data"), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	server := postgres.Shared(t)
	good := server.Database(t)
	server.Exec(t, "postgres", `CREATE ROLE advised LOGIN PASSWORD 'x'`)
	t.Cleanup(func() { server.Exec(t, "postgres", `DROP ROLE advised`) })
	for name, c := range map[string]struct{ url, want string }{
		"a wrong password":     {strings.Replace(good, server.Password, "wrong", 1), "does not let this user in; correct user and password"},
		"no such database":     {server.DSN("nowhere"), "create it with CREATE DATABASE"},
		"a role without right": {server.As("advised", "x", "template1"), "start the ledger once as the owner"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := run(ctx, append(args, "--database-url-file", write(t, filepath.Join(dir, "url"), []byte(c.url)))...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("err = %v, want one about %q", err, c.want)
			}
		})
	}
	for text, want := range map[string]string{
		"ValidateConnect failed: server is in standby mode": "name the primary",
		"tls error: server refused TLS connection":          "turn ssl on",
		"dial tcp 127.0.0.1:1: connect: connection refused": "is the server up",
		"lookup nowhere.invalid: no such host":              "is the server up",
	} {
		if err := advised(fmt.Errorf("the database does not answer: %s", text)); !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if plain := fmt.Errorf("something else"); advised(plain).Error() != plain.Error() || advised(nil) != nil {
		t.Error("other errors are changed")
	}
}
