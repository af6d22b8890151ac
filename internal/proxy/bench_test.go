package proxy

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/metrics"
)

// pool are buffers for the standard library's proxy, as whoever tunes it has them.
type pool struct{ sync.Pool }

func (p *pool) Get() []byte {
	if b, ok := p.Pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 32<<10)
}

func (p *pool) Put(b []byte) { p.Pool.Put(&b) }

// BenchmarkForwarding compares the way of a request through the sidecar with that through the standard library's reverse proxy with
// pooled buffers: one client, one request after the other, the same service. CPU is that of the whole process.
func BenchmarkForwarding(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		body := strings.Repeat("x", size)
		origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = io.WriteString(w, body)
		}))
		b.Cleanup(origin.Close)
		for name, addr := range map[string]string{"sidecar": benchSidecar(b, origin), "reverseproxy": benchReverseProxy(b, origin), "direct": origin.Listener.Addr().String()} {
			b.Run(name+"/"+http.MethodGet+"/"+sizeName(size), func(b *testing.B) { benchRequests(b, addr) })
		}
	}
}

func sizeName(n int) string {
	if n == 1<<10 {
		return "1KiB"
	}
	return "64KiB"
}

func benchSidecar(b *testing.B, origin *httptest.Server) string {
	bundle := golden(b, "grants/a-double-opt-in-that-was-never-confirmed-permits-nothing")
	noted(bundle)
	current := &Current{}
	p := &Proxy{
		Current: current, Metrics: NewMetrics(metrics.New()), Logger: slog.New(slog.DiscardHandler),
		Original: func(net.Conn) (netip.AddrPort, error) { return service, nil },
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, origin.Listener.Addr().String())
		},
	}
	current.Store(&State{Index: decide.NewIndex(bundle), Facts: map[string]Facts{}})
	current.Load().resolver.lookup = func(context.Context, string, string) ([]netip.Addr, error) { return []netip.Addr{service.Addr()}, nil }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(cancel)
	go func() { _ = p.ServeRedirected(ctx, l) }()
	return l.Addr().String()
}

func benchReverseProxy(b *testing.B, origin *httptest.Server) string {
	to, err := url.Parse(origin.URL)
	if err != nil {
		b.Fatal(err)
	}
	s := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host }, BufferPool: &pool{},
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
	})
	b.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func benchRequests(b *testing.B, addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	request := []byte("GET /v1/notes/a HTTP/1.1\r\nHost: customers.crm\r\nUser-Agent: bench\r\nAccept: */*\r\nX-Request-Id: 0123456789abcdef\r\n\r\n")
	buf := make([]byte, 128<<10)
	ask := func() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		for had, want := 0, -1; want < 0 || had < want; {
			n, err := c.Read(buf[had:])
			if err != nil {
				b.Fatal(err)
			}
			had += n
			if i := strings.Index(string(buf[:min(had, 1024)]), "\r\n\r\n"); want < 0 && i > 0 {
				if want = benchEnd(string(buf[:i]), i+4); want < 0 {
					b.Fatalf("no length: %s", buf[:had])
				}
			}
		}
	}
	for range 200 {
		ask()
	}
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	b.ReportAllocs()
	for b.Loop() {
		ask()
	}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	used := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/op")
}

// benchEnd is where an answer ends, by its length.
func benchEnd(head string, from int) int {
	_, rest, ok := strings.Cut(head, "Content-Length: ")
	if !ok {
		return -1
	}
	n := 0
	for _, c := range strings.SplitN(rest, "\r", 2)[0] {
		n = n*10 + int(c-'0')
	}
	return from + n
}
