package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// served fails unless others are served while a fault goes on, and memory is what it was, give or take.
func served(t *testing.T, addr net.Addr, before uint64, most uint64) {
	t.Helper()
	done := make(chan string, 1)
	go func() { done <- raw(t, addr, get("GET /v1/customers", "")) }()
	select {
	case answer := <-done:
		if !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
			t.Errorf("another one got %.200q", answer)
		}
	case <-time.After(30 * time.Second):
		t.Error("another one waits")
	}
	if now := heap(); now > before+most {
		t.Errorf("%d MiB more are in use", (now-before)>>20)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// settled fails unless as few goroutines are left as there were.
func settled(t *testing.T, p *Proxy, before int) {
	t.Helper()
	for range 600 { // 30 s: what stalls takes its time on a busy machine, and what leaks stays for ever
		p.transport.CloseIdleConnections()
		if runtime.NumGoroutine() <= before+10 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%d goroutines are left of %d", runtime.NumGoroutine(), before)
}

// TestSlowPeersHoldNobodyUp: hundreds of clients that send no more of a head or a body, or do not read, and of services that do not read
// or say no more. Others are served, what is held is bounded, and each of them loses its connection.
func TestSlowPeersHoldNobodyUp(t *testing.T) {
	const many = 300
	head := "POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nContent-Type: application/json\r\n"
	for name, tt := range map[string]struct {
		request string
		// ends tells that the connections end by themselves once they stall.
		ends bool
	}{
		"clients that stop within a head":                    {"POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nX-A: ", false},
		"clients that stop within a body":                    {head + "Content-Length: 100000\r\n\r\n{", true},
		"clients that stop within a chunk":                   {head + "Transfer-Encoding: chunked\r\n\r\nfff\r\n{", true},
		"clients that stop within a body nobody reads":       {"POST /v1/notes/a HTTP/1.1\r\nHost: customers.crm\r\nContent-Length: 100000\r\n\r\n{", true},
		"clients that are denied and send no more":           {"POST /v3/other HTTP/1.1\r\nHost: api.esp\r\nContent-Length: 100000\r\n\r\n{", true},
		"clients that do not read":                           {"GET /v1/notes/large HTTP/1.1\r\nHost: customers.crm\r\nConnection: close\r\n\r\n", true},
		"services that say no more":                          {"GET /v1/notes/stop HTTP/1.1\r\nHost: customers.crm\r\n\r\n", true},
		"services that say no more of what is decided about": {"GET /v1/customers?page=7 HTTP/1.1\r\nHost: customers.crm\r\n\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			// On a busy machine some get an error instead, which fits their buffers; they do not stay for another request.
			r := shop(t, noted)
			r.proxy.stall = time.Second
			stop := make(chan struct{})
			defer close(stop)
			r.answer = func(w http.ResponseWriter, req *http.Request, _ []byte) {
				w.Header().Set("Content-Type", "application/json")
				switch {
				case strings.HasSuffix(req.RequestURI, "/large"):
					_, _ = io.Copy(w, io.LimitReader(zeros{}, 64<<20))
				case strings.HasSuffix(req.RequestURI, "/stop"), strings.HasSuffix(req.RequestURI, "page=7"):
					w.Header().Set("Content-Length", "100000")
					_, _ = io.WriteString(w, "{")
					_ = http.NewResponseController(w).Flush()
					select {
					case <-stop:
					case <-req.Context().Done():
					}
				default:
					_, _ = io.WriteString(w, `{"customers":[]}`)
				}
			}
			addr := r.listen(service)
			raw(t, addr, get("GET /v1/customers", ""))
			memory, goroutines := heap(), runtime.NumGoroutine()
			var conns []net.Conn
			defer func() {
				for _, c := range conns {
					_ = c.Close()
				}
			}()
			for range many {
				c, err := net.Dial("tcp", addr.String())
				if err != nil {
					t.Fatal(err)
				}
				conns = append(conns, c)
				_, _ = io.WriteString(c, tt.request)
			}
			time.Sleep(200 * time.Millisecond)
			served(t, addr, memory, many*192<<10)
			if tt.ends {
				settled(t, r.proxy, goroutines) // by themselves
			}
			for _, c := range conns {
				_ = c.Close()
			}
			settled(t, r.proxy, goroutines)
			nothingLeft(t, r)
		})
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// TestBodiesShareABudget: so many large bodies at once are turned away as what they are, and taken again later.
func TestBodiesShareABudget(t *testing.T) {
	r := shop(t, nil)
	r.proxy.held.most = 3 << 20
	addr := r.listen(service)
	large := `{"template_id":"d-newsletter","x":"` + strings.Repeat("x", 1<<20)
	var waiting []net.Conn
	for range 8 {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		waiting = append(waiting, c)
		go func() {
			_, _ = fmt.Fprintf(c, "POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", 2<<20, large)
		}()
	}
	var mu sync.Mutex
	refused := 0
	var wg sync.WaitGroup
	for _, c := range waiting {
		wg.Go(func() {
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			b := make([]byte, 400)
			n, _ := c.Read(b)
			if strings.HasPrefix(string(b[:n]), "HTTP/1.1 503 ") && strings.Contains(string(b[:n]), "Retry-After") {
				mu.Lock()
				refused++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if refused == 0 || refused == 8 {
		t.Errorf("%d of 8 were turned away", refused)
	}
	for _, c := range waiting {
		_ = c.Close()
	}
	for range 50 {
		if r.proxy.held.used.Load() == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if answer := raw(t, addr, post("", newsletter)); !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
		t.Errorf("afterwards: %.200q", answer)
	}
}

// TestLeaveToSend: a client that waits for leave gets it when its body may be read, and a denial without it.
func TestLeaveToSend(t *testing.T) {
	for name, tt := range map[string]struct{ head, want string }{
		"a body that may be read":         {"POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nContent-Type: application/json\r\n", "HTTP/1.1 100 "},
		"an endpoint nobody declared":     {"POST /v3/other HTTP/1.1\r\nHost: api.esp\r\nContent-Type: application/json\r\n", "HTTP/1.1 403 "},
		"a body that cannot be read":      {"POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nContent-Type: text/plain\r\n", "HTTP/1.1 415 "},
		"a body that is encoded":          {"POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n", "HTTP/1.1 415 "},
		"a second reading":                {"POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nContent-Type: application/json\r\nX-HTTP-Method: PUT\r\n", "HTTP/1.1 400 "},
		"something else that is expected": {"POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nContent-Type: application/json\r\nExpect: x\r\n", "HTTP/1.1 417 "},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, nil)
			w := onWire(t, r, emptyList)
			c, err := net.Dial("tcp", r.listen(service).String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(30 * time.Second))
			expect := "Expect: 100-continue\r\n"
			if strings.Contains(tt.head, "Expect") {
				expect = ""
			}
			_, _ = fmt.Fprintf(c, "%s%sConnection: close\r\nContent-Length: %d\r\n\r\n", tt.head, expect, len(newsletter))
			b := make([]byte, 4096)
			n, _ := c.Read(b)
			if got := string(b[:n]); !strings.HasPrefix(got, tt.want) {
				t.Fatalf("got %q", got)
			}
			if tt.want == "HTTP/1.1 100 " {
				_, _ = io.WriteString(c, newsletter)
				rest, _ := io.ReadAll(c)
				if !strings.HasPrefix(string(rest), "HTTP/1.1 200 ") || strings.Contains(w.got(), "Expect") {
					t.Errorf("%q, %q", rest, w.got())
				}
			} else if w.got() != "" {
				t.Errorf("%q reached the service", w.got())
			}
		})
	}
}

// TestNothingIsRepeated: a service that took a request and hung up may have done what it was asked for.
func TestNothingIsRepeated(t *testing.T) {
	for name, headers := range map[string]string{"without a key": "", "with a key": "Idempotency-Key: a\r\n"} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, nil)
			w := onWire(t, r, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
			addr := r.listen(service)
			raw(t, addr, post(headers, newsletter)) // leaves an idle connection, which the next one is sent on
			w.mu.Lock()
			w.answer = "" // it takes the request and hangs up
			w.mu.Unlock()
			answer := raw(t, addr, post(headers, newsletter))
			if n := strings.Count(w.got(), "POST "); n != 2 || !strings.HasPrefix(answer, "HTTP/1.1 502 ") {
				t.Errorf("%d requests, %.100q", n, answer)
			}
		})
	}
}

// TestTheServiceIsBack: one that was away is used again without a restart.
func TestTheServiceIsBack(t *testing.T) {
	r := shop(t, nil)
	dial, away := r.proxy.Dial, true
	var mu sync.Mutex
	r.proxy.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if away {
			return nil, net.ErrClosed
		}
		return dial(ctx, network, addr)
	}
	addr := r.listen(netip.AddrPortFrom(service.Addr(), 80))
	if answer := raw(t, addr, get("GET /v1/customers", "")); !strings.HasPrefix(answer, "HTTP/1.1 502 ") {
		t.Fatalf("answer %q", answer)
	}
	mu.Lock()
	away = false
	mu.Unlock()
	if answer := raw(t, addr, get("GET /v1/customers", "")); !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
		t.Errorf("answer %q", answer)
	}
}
