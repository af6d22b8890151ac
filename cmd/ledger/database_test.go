package main

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/testkit/postgres"
)

// TestReplicasServeOneDatabase: two processes serve what either of them was told, and nothing of them tells the password.
func TestReplicasServeOneDatabase(t *testing.T) {
	dir, args := folder(t)
	server := postgres.Shared(t)
	url := write(t, filepath.Join(dir, "url"), []byte(server.Database(t)+"\n"))
	args = append(without(args, "--data"), "--database-url-file", url)
	first, _, _ := start(t, http.DefaultClient, "http", args)
	second, admin, stop := start(t, http.DefaultClient, "http", args)
	event := `{"identifiers":[{"type":"email","value":"ada@example.org"}],"event":{"type":"given","purpose":"newsletter","notice":"newsletter-v1","proof":"Signed"},` +
		`"evidence":{"kind":"signedForm","signedForm":{"signedAt":"2026-01-01T10:00:00Z","sha256":"` + strings.Repeat("ab", 32) + `","reference":"archive/1","signature":"handwritten"}}}`
	if status, body := call(t, http.DefaultClient, "POST", first+"/v1/events", event); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := call(t, http.DefaultClient, "GET", second+"/v1/head", ""); status != 200 || !strings.Contains(body, `"position":1,`) {
		t.Fatalf("%d %s", status, body)
	}
	var text string
	for deadline := time.Now().Add(time.Minute); !strings.Contains(text, "optup_ledger_followed_position 1\n"); {
		if _, text = call(t, http.DefaultClient, "GET", admin+"/metrics", ""); time.Now().After(deadline) {
			t.Fatalf("the other replica's append is not followed:\n%s", text)
		}
	}
	for _, want := range []string{`optup_ledger_database_connections_max{pool="appender"} 1`, `optup_ledger_database_waits_total{pool="questions"}`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the metrics", want)
		}
	}
	if strings.Contains(text, server.Password) {
		t.Error("the metrics tell the password")
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestServeRefusesADatabaseURL(t *testing.T) {
	dir, args := folder(t)
	args = append(without(args, "--data"), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	url := func(name, text string) string { return write(t, filepath.Join(dir, name), []byte(text)) }
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no database":           {args, "data database-url-file"},
		"two databases":         {append(args, "--data", dir, "--database-url-file", url("a", "x")), "data database-url-file"},
		"no file":               {append(args, "--database-url-file", filepath.Join(dir, "none")), "no such file"},
		"an empty file":         {append(args, "--database-url-file", url("b", " \n")), "is empty"},
		"nothing that is a URL": {append(args, "--database-url-file", url("c", "postgres://ledger:s3cr3t@db:port/ledger")), "write postgres://user:password@"},
		"nobody who listens":    {append(args, "--database-url-file", url("d", "postgres://ledger:s3cr3t@127.0.0.1:1/ledger")), "127.0.0.1"},
		"no place for the bundle": {
			append(without(args, "--bundle"), "--database-url-file", url("e", "x"), "--manager", "x", "--manager-token", "x", "--trust", "x"), "--state is needed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := run(ctx, c.args...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("err = %v, want one about %q", err, c.want)
			}
			if strings.Contains(err.Error(), "s3cr3t") {
				t.Fatalf("the password is told: %v", err)
			}
		})
	}
}
