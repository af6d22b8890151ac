package world

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/server"
	"github.com/optup/optup/internal/metrics"
	"github.com/optup/optup/internal/proxy"
	"github.com/optup/optup/internal/proxy/follow"
	"github.com/optup/optup/test/bypass/liberal"
)

// Inside starts a world whose ledger runs in this process.
func Inside(ctx context.Context, seed uint64, languages []string, sent func(liberal.Mail)) (*World, error) {
	return open(ctx, seed, languages, sent, func(ctx context.Context, w *World) error {
		configFile, err := w.write("config.json", `{"controller":"`+controller+`"}`)
		if err != nil {
			return err
		}
		key, data := filepath.Join(w.dir, "root.key"), filepath.Join(w.dir, "data")
		if err := errors.Join(os.Mkdir(data, 0o700), keys.CreateRoot(key)); err != nil {
			return err
		}
		root, err := keys.ReadRoot(key)
		if err != nil {
			return err
		}
		quiet := slog.New(slog.DiscardHandler)
		guard, err := access.Open(access.Options{ConfigFile: configFile, DevToken: w.token, Now: time.Now, Logger: quiet})
		if err != nil {
			return err
		}
		l, err := server.Open(ctx, server.Options{Data: data, Root: root, Guard: guard, Now: time.Now, Logger: quiet})
		if err != nil {
			return err
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return errors.Join(err, l.Close())
		}
		api := l.Server(server.Served{Bundle: func() *ir.Bundle { return nil }})
		go func() { _ = api.Serve(listener) }()
		w.ledger = "http://" + listener.Addr().String()
		w.stop = append(w.stop, func() error { return errors.Join(ended(api.Close()), l.Close()) })
		return nil
	})
}

func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// SidecarInside starts a sidecar in this process, and waits until it is ready.
func (w *World) SidecarInside(ctx context.Context) (*Sidecar, error) {
	b, err := ir.Decode(w.bundle)
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(ctx)
	group, life := errgroup.WithContext(life)
	quiet := slog.New(slog.DiscardHandler)
	current := &proxy.Current{}
	p := &proxy.Proxy{Current: current, Metrics: proxy.NewMetrics(metrics.New()), Logger: quiet}
	f := follow.New(life, group, current, follow.Options{
		Token: func() (string, error) { return w.token, nil }, Ledgers: follow.Everywhere(w.ledger), Logger: quiet,
	})
	s := &Sidecar{Addresses: map[string]string{}, stop: func() error {
		end, done := context.WithTimeout(context.WithoutCancel(life), time.Second)
		defer done()
		_ = p.Shutdown(end) // what has not ended by then is cut
		cancel()
		_ = group.Wait() // tells that it was cancelled
		return nil
	}}
	for _, language := range w.Languages {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, s.Stop())
		}
		s.Addresses[language] = l.Addr().String()
		port := uint16(w.services.ports[language])
		group.Go(func() error { return p.ServeHost(life, l, host, port) })
	}
	if err := f.Apply(client.Update{Generation: 1, Hash: ir.Hash(w.bundle), Bundle: b, Encoded: w.bundle}); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	if err := w.ready(ctx, s); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}
