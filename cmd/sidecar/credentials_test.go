package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/ir"
)

// free gives an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// TestASidecarThatRunsAloneInsertsWhatIsInAFile, and tells it nowhere: on none of its pages, in no log, and in no file of its own.
func TestASidecarThatRunsAloneInsertsWhatIsInAFile(t *testing.T) {
	const key = "SG.correct-horse"
	var mu sync.Mutex
	var got []string
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Header.Get("Authorization"))
	}))
	defer service.Close()
	_, p, _ := net.SplitHostPort(service.Listener.Addr().String())
	port, _ := strconv.Atoi(p)
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: "n", Workload: "Deployment/app", Mode: ir.ModeEnforce, Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 5000,
		Purposes: []ir.Purpose{{Name: "news", Objection: ir.ObjectionNone}},
		Services: []ir.Service{{
			Name: "platform/mail", Hosts: []string{"127.0.0.1"}, Ports: []ir.Port{{Port: port, Protocol: "HTTP"}},
			Endpoints:  []ir.Endpoint{{Name: "ping", Methods: []string{"GET"}, Path: "/ping", NoPersonalData: true}, {Name: "send", Methods: []string{"POST"}, Path: "/send"}},
			Credential: &ir.Credential{ID: ir.ValueID("mail", "key", "127.0.0.1"), Type: ir.CredentialHeader, Header: "Authorization", Prefix: "Bearer ", Own: ir.OwnRefuse},
		}},
		Rules: []ir.Rule{{Policy: "n/p/r", Purpose: "news", Service: "platform/mail", Endpoints: []string{"send"}, OnMissing: ir.OnMissingDeny, OnEmpty: ir.OnEmptyDeny, Mode: ir.ModeEnforce}},
	}
	encoded, err := ir.Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	folder, state := t.TempDir(), t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(folder, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(guarded{&mu, &log}, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(before)

	o := options{
		bundle: file("bundle.json", string(encoded)), capture: "none", admin: free(t), state: state, usesSpool: 1, stopTime: time.Second, stallTime: 5 * time.Second,
		credentials: credential.Files{"platform/mail/key": file("key", key+"\n")},
	}
	listen := free(t)
	o.listen = []string{fmt.Sprintf("%s=127.0.0.1:%d", listen, port)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, o) }()
	told := ""
	ask := func(url, own string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if own != "" {
			r.Header.Set("Authorization", own)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0
		}
		defer func() { _ = res.Body.Close() }()
		body, _ := io.ReadAll(res.Body)
		told += string(body)
		return res.StatusCode
	}
	for end := time.Now().Add(30 * time.Second); ask("http://"+o.admin+"/readyz", "") != http.StatusOK; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is never ready")
		}
	}
	if status := ask("http://"+listen+"/ping", ""); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if status := ask("http://"+listen+"/ping", "Bearer own"); status != http.StatusForbidden {
		t.Errorf("status %d for a key of the application's own", status)
	}
	for _, page := range []string{"/metrics", "/summary", "/debug/pprof/", "/debug/vars", "/"} {
		ask("http://"+o.admin+page, "")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	_ = filepath.WalkDir(state, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			text, _ := os.ReadFile(path)
			told += string(text)
		}
		return err
	})
	mu.Lock()
	defer mu.Unlock()
	told += log.String()
	if len(got) != 1 || got[0] != "Bearer "+key {
		t.Errorf("%q reached the service", got)
	}
	if !strings.Contains(told, "optup_sidecar_decisions_total") || !strings.Contains(told, "a bundle is in force") || strings.Contains(told, "correct") {
		t.Errorf("told: %s", told)
	}
}

// TestFilesThatNobodyAsksFor are an error: who mistypes a name would wonder.
func TestFilesThatNobodyAsksFor(t *testing.T) {
	wanted := []ir.Value{{Service: "platform/mail", ID: ir.ValueID("mail", "key", "api.example")}}
	if err := (credential.Files{"platform/mail/other": "x"}).Check(wanted); err == nil || !strings.Contains(err.Error(), "they ask for: platform/mail/key") {
		t.Errorf("%v", err)
	}
	if _, err := (credential.Files{"platform/mail/key": filepath.Join(t.TempDir(), "none")}).Read(wanted); err == nil {
		t.Error("a file that is not there was read")
	}
	for _, size := range []int{0, 64<<10 + 1} {
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := (credential.Files{"platform/mail/key": file}).Read(wanted); err == nil {
			t.Errorf("a file of %d bytes was read", size)
		}
	}
	if err := (credential.Files{"platform/mail/key": "x"}).Check(wanted); err != nil {
		t.Error(err)
	}
	if values, err := (credential.Files{}).Read(wanted); err != nil || len(values) != 0 {
		t.Errorf("%v, %v", values, err)
	}
}

type guarded struct {
	mu *sync.Mutex
	w  io.Writer
}

func (g guarded) Write(p []byte) (int, error) { g.mu.Lock(); defer g.mu.Unlock(); return g.w.Write(p) }
