package standalone

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	people    = 300
	dashboard = "shop-marketing/ConsentPolicy/dashboards"
	mailer    = "shop-marketing/Deployment/mailer"
	register  = "customers.shop-services.svc.cluster.local:80"
	provider  = "mail.shop-services.svc.cluster.local:80"
)

// lines collects what is printed.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// here is an instance on a copy of the samples.
type here struct {
	*Instance
	t        *testing.T
	folder   string
	out, err lines
}

// samples copies config/samples.
func samples(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob("../../config/samples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, filepath.Base(f)), string(text))
	}
	return dir
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, folder string, with func(*Options)) *here {
	t.Helper()
	h := &here{t: t, folder: folder}
	o := Options{Folder: folder, People: people, Seed: 1, Out: &h.out, Err: &h.err, Logger: slog.New(slog.DiscardHandler)}
	if with != nil {
		with(&o)
	}
	var err error
	if h.Instance, err = Start(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Stop(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// edit replaces text in a file of the folder.
func (h *here) edit(file, from, to string) {
	h.t.Helper()
	name := filepath.Join(h.folder, file)
	text, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(text), from) {
		h.t.Fatalf("%s holds no %q: %v", file, from, err)
	}
	write(h.t, name, strings.Replace(string(text), from, to, 1))
}

// at is where a workload reaches a host; "" if it does not.
func (h *here) at(workload, host string) string {
	for _, r := range h.Summary().Routes {
		if r.Workload == workload && r.Host == host {
			return "http://" + r.Address
		}
	}
	return ""
}

// call sends a request and gives status and body.
func (h *here) call(method, url, body string, header ...string) (int, string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Close = true
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// customers gives the first page of the register as the dashboard sees it, by address.
func (h *here) customers() map[string]map[string]any {
	h.t.Helper()
	status, text := h.call(http.MethodGet, h.at(dashboard, register)+"/v1/customers?per_page=100", "")
	var page struct{ Customers []map[string]any }
	if err := json.Unmarshal([]byte(text), &page); status != http.StatusOK || err != nil {
		h.t.Fatalf("%d %s %v", status, text, err)
	}
	out := map[string]map[string]any{}
	for _, c := range page.Customers {
		email, _ := c["email"].(string)
		out[email] = c
	}
	return out
}

// withdraw takes consent back, through the ledger's API.
func (h *here) withdraw(email, purpose string) {
	h.t.Helper()
	token, err := os.ReadFile(h.TokenFile())
	if err != nil {
		h.t.Fatal(err)
	}
	body := `{"identifiers":[{"type":"email","value":"` + email + `"}],"event":{"type":"withdrawn","purpose":"` + purpose + `"}}`
	status, text := h.call(http.MethodPost, h.Summary().Ledgers[0].URL+"/v1/events", body, "Authorization", "Bearer "+string(token))
	if status != http.StatusCreated {
		h.t.Fatalf("%d %s", status, text)
	}
}

// patience is how long something that has to come is waited for. The machine may be busy with other things.
const patience = 30 * time.Second

// soon waits until something holds, and fails after a time.
func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}
