package faults

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// stall is how long peers may make no progress in this test.
const stall = time.Second

// TestPeersThatVanish: applications and services that are gone without a word, in every place of an exchange. What they had is given
// back, others are served meanwhile, and nothing that was cut looks whole.
func TestPeersThatVanish(t *testing.T) {
	for name, services := range map[string]bool{"applications": false, "services": true} {
		t.Run(name, func(t *testing.T) {
			w := open(t, setting{relayed: true, flags: []string{"--stall-time", stall.String()}})
			front := newRelay(t, w.base)
			before, err := w.sidecar.Descriptors()
			if err != nil {
				t.Fatal(err)
			}
			vanishing, others := front, w.behind
			if services {
				vanishing, others = w.behind, front
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ended := w.exchanges(ctx, front.addr())
			w.soon("exchanges are under way", func() bool { return w.shop.open.Load() >= 18 })
			vanishing.turn(holding)
			w.served(services)
			if services {
				w.within(25*stall, "each application is told", func() bool {
					select {
					case <-ended:
						return true
					default:
						return false
					}
				})
			}
			var left int
			w.within(25*stall, "everything of those that vanished is given back", func() bool {
				left, err = w.sidecar.Descriptors()
				return err == nil && left <= before+6 // idle connections stay for a while
			})
			cancel()
			others.turn(passing)
			vanishing.turn(cut)
			vanishing.turn(passing)
			w.fresh()
			<-ended
			w.shop.spared()
			if most, err := w.sidecar.HighWater(); err != nil || most > 128<<20 {
				t.Errorf("%d MiB were resident, %v", most>>20, err)
			}
		})
	}
}

// served fails unless others are, while some have vanished.
func (w *world) served(services bool) {
	w.t.Helper()
	a, m := w.app(), w.shop.market
	if !services {
		if got := a.send("d-news", "meanwhile", m.Refused[1], m.Permitted[1]); got.status != http.StatusAccepted {
			w.t.Errorf("meanwhile: %v", got)
		}
		return
	}
	// The service itself is gone: what needs it not is answered at once.
	if got := a.send("d-news", "meanwhile", m.Refused[1]); got.status != http.StatusForbidden {
		w.t.Errorf("meanwhile: %v", got)
	}
	if got := a.send("d-news", "meanwhile", m.Permitted[1]); got.status != http.StatusGatewayTimeout {
		w.t.Errorf("to a service that is gone: %v", got)
	}
}

// exchanges begins several of each kind, over HTTP/1.1 and HTTP/2, which end with an error or not at all. The channel is closed
// once all have ended.
func (w *world) exchanges(ctx context.Context, addr string) chan struct{} {
	var all sync.WaitGroup
	for i := range 6 {
		http2 := i%2 == 1
		begin := func(method, path string, body func() *endless) {
			a := w.appAt(addr, http2)
			all.Go(func() {
				r, err := http.NewRequestWithContext(ctx, method, "http://service"+path, http.NoBody)
				if err != nil {
					w.t.Error(err)
					return
				}
				if body != nil {
					r.Body, r.ContentLength = body(), 1<<30
				}
				res, err := a.http.Do(r)
				if err != nil {
					a.http.CloseIdleConnections()
					return
				}
				defer a.http.CloseIdleConnections()
				defer func() { _ = res.Body.Close() }()
				var got bytes.Buffer
				_, err = got.ReadFrom(res.Body)
				clean(w.t, w.shop.market, "an application", got.Bytes())
				if err == nil && res.StatusCode == http.StatusOK {
					w.t.Errorf("%s looks whole after %d bytes", path, got.Len())
				}
			})
		}
		begin(http.MethodGet, "/v1/visits", nil)
		begin(http.MethodGet, "/v1/files/endless", nil)
		begin(http.MethodPost, "/v1/files/large", func() *endless { return &endless{ctx: ctx} })
	}
	ended := make(chan struct{})
	go func() {
		all.Wait()
		close(ended)
	}()
	return ended
}

// endless is a body that comes a little at a time and does not end.
type endless struct{ ctx context.Context }

// Read implements io.Reader.
func (e *endless) Read(b []byte) (int, error) {
	select {
	case <-e.ctx.Done():
		return 0, e.ctx.Err()
	case <-time.After(20 * time.Millisecond): // fast enough to fill what kernels take for a peer that has vanished
		return copy(b, strings.Repeat("x", 32<<10)), nil
	}
}

// Close implements io.Closer.
func (*endless) Close() error { return nil }
