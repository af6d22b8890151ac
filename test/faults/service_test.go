package faults

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/test/bypass/market"
)

// shop is the service behind the sidecar. It answers a little at a time, so that answers are under way when something happens, and keeps
// every byte that it is sent, also of requests that never ended.
type shop struct {
	t      *testing.T
	market *market.Market
	addr   string
	port   int
	// open counts answers and bodies that are under way.
	open atomic.Int64
	// quiet holds visits up.
	quiet atomic.Bool

	mu    sync.Mutex
	mails []mail
	all   []byte
}

// mail is one request to send something.
type mail struct {
	Template string `json:"template_id"`
	To       []struct {
		Email string `json:"email"`
	} `json:"to"`
	Subject string `json:"subject"`
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, market: market.New(4)}
	lc := net.ListenConfig{Control: smallSegments}
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr, s.port = l.Addr().String(), l.Addr().(*net.TCPAddr).Port
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/customers", s.list)
	mux.HandleFunc("GET /v1/visits", s.visits)
	mux.HandleFunc("POST /v3/mail/send", s.send)
	mux.HandleFunc("GET /v1/files/{id}", s.download)
	mux.HandleFunc("POST /v1/files/{id}", s.upload)
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// list is everybody, in pieces.
func (s *shop) list(w http.ResponseWriter, r *http.Request) {
	s.open.Add(1)
	defer s.open.Add(-1)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"customers":[`)
	for i, p := range s.market.People {
		if i > 0 {
			_, _ = io.WriteString(w, ",")
		}
		if _, err := w.Write(p.Record); err != nil {
			return
		}
		if i%200 == 199 && !s.pause(w, r, 2*time.Millisecond) {
			return
		}
	}
	_, _ = io.WriteString(w, "]}")
}

// visits never ends.
func (s *shop) visits(w http.ResponseWriter, r *http.Request) {
	s.open.Add(1)
	defer s.open.Add(-1)
	w.Header().Set("Content-Type", "application/x-ndjson")
	for i := 0; ; i++ {
		for s.quiet.Load() {
			if !s.pause(w, r, 5*time.Millisecond) {
				return
			}
		}
		// Those with permission come often, so that a stream says much about them.
		record := s.market.People[i%len(s.market.People)].Record
		if i%2 == 0 {
			record = s.market.Permitted[i/2%len(s.market.Permitted)].Record
		}
		if _, err := w.Write(append(record[:len(record):len(record)], '\n')); err != nil {
			return
		}
		if i%20 == 19 && !s.pause(w, r, 5*time.Millisecond) {
			return
		}
	}
}

func (s *shop) pause(w http.ResponseWriter, r *http.Request, d time.Duration) bool {
	_ = http.NewResponseController(w).Flush()
	select {
	case <-r.Context().Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (s *shop) send(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var m mail
	s.mu.Lock()
	s.all = append(s.all, body...)
	if err == nil && json.Unmarshal(body, &m) == nil {
		s.mails = append(s.mails, m)
	}
	s.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

func (s *shop) download(w http.ResponseWriter, r *http.Request) {
	s.open.Add(1)
	defer s.open.Add(-1)
	for r.PathValue("id") == "endless" {
		if _, err := io.CopyN(w, zeros{}, 10_000); err != nil || !s.pause(w, r, 5*time.Millisecond) {
			return
		}
	}
	_, _ = io.Copy(w, io.LimitReader(zeros{}, 64<<20))
}

func (s *shop) upload(w http.ResponseWriter, r *http.Request) {
	s.open.Add(1)
	defer s.open.Add(-1)
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusNoContent)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// sent are the mails whose requests came whole.
func (s *shop) sent() []mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]mail(nil), s.mails...)
}

// reached tells whether a mail with a subject reached somebody; an empty address stands for anybody.
func (s *shop) reached(subject, address string) bool {
	for _, m := range s.sent() {
		for _, to := range m.To {
			if m.Subject == subject && (address == "" || to.Email == address) {
				return true
			}
		}
	}
	return false
}

// spared fails if anything of somebody without permission was ever sent here.
func (s *shop) spared() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	clean(s.t, s.market, "the service", s.all)
}

// clean fails if something of somebody without permission is in bytes.
func clean(t *testing.T, m *market.Market, where string, data []byte) {
	t.Helper()
	if !bytes.Contains(data, []byte(m.Refused[0].Mail[:3])) {
		return // every such marker begins like this
	}
	if found := m.Find(data).Hidden(); len(found) > 0 {
		t.Errorf("%s got %v", where, found)
	}
}
