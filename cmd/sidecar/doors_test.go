package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const bundleOfTheCorpus = "../../test/corpus/purpose/a-request-chooses-among-the-rules-that-match-it/bundle.golden.json"

// port is one that nobody listens on.
func port(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// TestDoorsOpenWhereTheyAreAskedFor, and nothing else has to listen then. Without a ledger nothing that rests on a record is permitted.
func TestDoorsOpenWhereTheyAreAskedFor(t *testing.T) {
	bundle, err := filepath.Abs(bundleOfTheCorpus)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	authzen := port(t)
	go func() {
		done <- execute(ctx, []string{"run", "--bundle", bundle, "--admin", port(t), "--authzen", authzen}, io.Discard)
	}()
	question := `{"subject":{"type":"workload","id":"mailer"},"action":{"name":"send"},"resource":{"type":"email","id":"anna@example.org"},"context":{"purpose":"newsletter","channel":"email"}}`
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no answer in time")
		}
		res, err := http.Post("http://"+authzen+"/access/v1/evaluation", "application/json", strings.NewReader(question))
		if err != nil {
			continue
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err == nil && res.StatusCode == http.StatusOK {
			if !strings.Contains(string(body), `"decision":false`) || !strings.Contains(string(body), "LEDGER_BEHIND") {
				t.Errorf("answer %s", body)
			}
			break
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestDoorsOpenOnTheLoopbackOnly, for they ask for no token.
func TestDoorsOpenOnTheLoopbackOnly(t *testing.T) {
	for _, args := range [][]string{{"--authzen", "0.0.0.0:0"}, {"--authzen", ":0"}, {"--authzen", "[::]:0"}, {"--authzen", "192.0.2.1:1"}, {"--authzen", "example.org:1"}, {"--ext-authz", ":1"}} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		err := execute(ctx, append([]string{"run", "--bundle", bundleOfTheCorpus, "--admin", "127.0.0.1:0"}, args...), io.Discard)
		cancel()
		if err == nil || !strings.Contains(err.Error(), "loopback address only") {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := execute(t.Context(), []string{"run", "--bundle", bundleOfTheCorpus, "--admin", "127.0.0.1:0"}, io.Discard); err == nil || !strings.Contains(err.Error(), "--authzen") {
		t.Errorf("without anything to listen on: %v", err)
	}
}
