package local

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/optup/optup/internal/doors"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/proxy"
)

// Limits of the AuthZEN door.
const (
	maxOne = 4 << 20
	maxAll = 8 << 20
	// DefaultRate is how many questions are answered in a second; a burst may be ten times as many.
	DefaultRate = 1000
	burst       = 10
)

// Doors are those of one sidecar.
type Doors struct {
	Proxy *proxy.Proxy
	// Rate is how many AuthZEN questions are answered in a second; 0 for DefaultRate. It bounds how fast the application can find out about
	// people whom it does not mean to use.
	Rate int
	// Logger is nil for slog.Default().
	Logger *slog.Logger

	once  sync.Once
	asked bucket
}

func (d *Doors) setup() {
	d.once.Do(func() {
		if d.Logger == nil {
			d.Logger = slog.Default()
		}
		if d.Rate == 0 {
			d.Rate = DefaultRate
		}
		most := float64(max(d.Rate*burst, doors.MaxQuestions))
		d.asked = bucket{rate: float64(d.Rate), most: most, left: most, at: time.Now()}
	})
}

// AuthZEN answers the AuthZEN Authorization API 1.0.
func (d *Doors) AuthZEN() http.Handler {
	d.setup()
	mux := http.NewServeMux()
	(&doors.AuthZEN{Begin: d.begin, Fail: d.fail, MaxOne: maxOne, MaxAll: maxAll, Hold: d.Proxy.Hold}).Register(func(pattern string, h http.HandlerFunc) { mux.HandleFunc(pattern, h) })
	return d.guarded(mux)
}

// guarded lets through what is asked of this host, and survives what goes wrong. A page that a name server leads here by another name is
// none of the pod.
func (d *Doors) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { //nolint:errorlint // the very value is the signal
					panic(v)
				}
				d.Logger.Error("a question was not answered after an internal error")
				internal().Write(w)
			}
		}()
		if !Loopback(r.Host) {
			problem.Forbidden("ask by the address of the loopback, or as localhost").Write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Loopback tells whether a host, with or without a port, is this one by its address or as localhost.
func Loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && addr.Unmap().IsLoopback())
}

func (d *Doors) begin(r *http.Request) (doors.Judge, error) {
	return &judge{ctx: r.Context(), doors: d}, nil
}

func (d *Doors) fail(w http.ResponseWriter, r *http.Request, err error) {
	var p *problem.Problem
	if !errors.As(err, &p) {
		if r.Context().Err() != nil {
			return // the asker went away
		}
		d.Logger.Error("a question was not answered", "error", err)
		p = internal()
	}
	p.Write(w)
}

func internal() *problem.Problem {
	p := problem.Internal()
	p.Title, p.Detail = "The sidecar failed", "ask again, and take the answer for no"
	return p
}

// bucket gives a number of questions each second, and remembers some that were not asked.
type bucket struct {
	mu               sync.Mutex
	rate, most, left float64
	at               time.Time
}

// take takes n, or tells how long to wait for them.
func (b *bucket) take(now time.Time, n float64) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left, b.at = min(b.most, b.left+now.Sub(b.at).Seconds()*b.rate), now
	if b.left < n {
		return time.Duration((n - b.left) / b.rate * float64(time.Second))
	}
	b.left -= n
	return 0
}

// ServeAuthZEN answers on a listener until ctx ends.
func (d *Doors) ServeAuthZEN(ctx context.Context, l net.Listener) error {
	return serve(ctx, l, &http.Server{
		Handler: d.AuthZEN(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	})
}

func serve(ctx context.Context, l net.Listener, s *http.Server) error {
	s.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // what the server says quotes requests
	stop := context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = s.Shutdown(end)
	})
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
