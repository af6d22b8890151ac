package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/ledger/confirm"
	"github.com/optup/optup/internal/ledger/erasure"
	"github.com/optup/optup/internal/ledger/stream"
)

// grace is how long requests may take to end when the ledger stops.
const grace = 10 * time.Second

type servers struct {
	log   *slog.Logger
	flags *serveFlags
	api   *http.Server
	admin http.Handler
	// pages are what people reach; nil for none.
	pages *http.Server
	// stopping is set when the ledger is about to stop; readiness says so.
	stopping *atomic.Bool

	retention retention
	eraser    *erasure.Eraser
	// outbox sends mails; nil without a mail server.
	outbox *confirm.Outbox
}

// run serves until ctx ends or something fails.
func (s *servers) run(ctx context.Context, bundles *bundles) error {
	lc := net.ListenConfig{}
	public, err := lc.Listen(ctx, "tcp", s.flags.listen)
	if err != nil {
		return fmt.Errorf("the API cannot listen; free the port, or give another address with --listen: %w", err)
	}
	admin, err := lc.Listen(ctx, "tcp", s.flags.admin)
	if err != nil {
		return errors.Join(fmt.Errorf("the admin port cannot listen; free it, or give another address with --admin: %w", err), public.Close())
	}
	public = stream.Listener(public)
	main := s.api
	var cert *certificate
	if s.flags.tlsCert != "" {
		if cert, err = openCertificate(s.flags.tlsCert, s.flags.tlsKey, s.log); err != nil {
			return errors.Join(err, public.Close(), admin.Close())
		}
		main.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: cert.get, NextProtos: []string{"h2", "http/1.1"}}
	}
	people := func() error { return nil }
	if s.pages != nil {
		if people, err = s.flags.pages.serve(ctx, s.pages, cert); err != nil {
			return errors.Join(err, public.Close(), admin.Close())
		}
	}
	side := &http.Server{Handler: s.admin, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}

	parent := ctx
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return bundles.run(ctx) })
	group.Go(func() error { return s.retention.run(ctx) })
	group.Go(func() error { return s.eraser.Run(ctx) })
	if s.outbox != nil {
		group.Go(func() error { return s.outbox.Run(ctx) })
	}
	group.Go(func() error {
		if main.TLSConfig != nil {
			return ended(main.ServeTLS(public, "", ""))
		}
		return ended(main.Serve(public))
	})
	group.Go(people)
	group.Go(func() error { return ended(side.Serve(admin)) })
	group.Go(func() error {
		<-ctx.Done()
		s.drain(parent)
		s.log.Info("the ledger stops")
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		err := main.Shutdown(end)
		if s.pages != nil {
			err = errors.Join(err, s.pages.Shutdown(end))
		}
		return errors.Join(err, side.Shutdown(end))
	})
	return group.Wait()
}

// drain goes on serving for a while after a signal, not ready any more, so that whoever routes requests here can take others instead
// and no write is refused. After a failure there is nothing to wait for.
func (s *servers) drain(parent context.Context) {
	s.stopping.Store(true)
	if parent.Err() == nil || s.flags.stopDelay == 0 {
		return
	}
	s.log.Info("the ledger is about to stop", "in", s.flags.stopDelay)
	s.api.SetKeepAlivesEnabled(false) // whoever comes again connects anew, to another replica
	time.Sleep(s.flags.stopDelay)
}

func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
