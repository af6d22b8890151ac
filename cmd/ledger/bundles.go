package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	distribute "github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/ir"
)

// bundles keeps the bundle with the purposes, notices and touchpoints of the ledger's controller.
type bundles struct {
	log        *slog.Logger
	controller string
	current    atomic.Pointer[ir.Bundle]
	generation atomic.Int64
	// follow takes bundles into force until its context ends.
	follow func(context.Context) error
}

func (b *bundles) get() *ir.Bundle { return b.current.Load() }

func (b *bundles) run(ctx context.Context) error {
	if b.follow == nil {
		return nil
	}
	return b.follow(ctx)
}

// apply takes a bundle into force. What is about other controllers is none of this ledger's business.
func (b *bundles) apply(bundle *ir.Bundle) {
	own := *bundle
	own.Purposes = slices.DeleteFunc(slices.Clone(bundle.Purposes), func(p ir.Purpose) bool { return p.Controller != b.controller })
	own.Notices = slices.DeleteFunc(slices.Clone(bundle.Notices), func(n ir.Notice) bool { return n.Controller != b.controller })
	own.Touchpoints = slices.DeleteFunc(slices.Clone(bundle.Touchpoints), func(t ir.Touchpoint) bool { return t.Controller != b.controller })
	b.current.Store(&own)
	b.log.Info("a bundle is in force", "purposes", len(own.Purposes), "notices", len(own.Notices), "touchpoints", len(own.Touchpoints))
}

func (f *serveFlags) bundles(log *slog.Logger, controller string) (*bundles, error) {
	b := &bundles{log: log, controller: controller}
	switch {
	case f.bundle != "":
		return b, b.fromFile(f.bundle)
	case f.manager != "":
		state := filepath.Join(f.state, "bundle")
		if err := os.MkdirAll(state, 0o700); err != nil {
			return nil, fmt.Errorf("the directory of the last bundle cannot be created: %w", err)
		}
		b.follow = func(ctx context.Context) error {
			return distribute.Run(ctx, distribute.Options{
				Manager: f.manager, TrustFile: f.trust, TokenFile: f.managerToken, StateDir: state, Version: version(), Logger: log,
				Apply: func(u distribute.Update) error {
					if u.Bundle != nil {
						b.generation.Store(u.Generation)
						b.apply(u.Bundle)
					}
					return nil
				},
			})
		}
	default:
		log.Warn("no bundle: the usable share is not served; give --manager or --bundle")
	}
	return b, nil
}

// fileEvery is how often a bundle file is looked at.
const fileEvery = 2 * time.Second

func (b *bundles) fromFile(path string) error {
	var seen time.Time
	load := func() error {
		info, err := os.Stat(path)
		if err != nil || info.ModTime().Equal(seen) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen = info.ModTime()
		bundle, err := ir.Decode(data)
		if err == nil {
			b.apply(bundle)
		}
		return err
	}
	if err := load(); err != nil {
		return fmt.Errorf("the bundle cannot be read: %w", err)
	}
	b.follow = func(ctx context.Context) error {
		tick := time.NewTicker(fileEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			// A file that is away is being replaced.
			if err := load(); err != nil && !errors.Is(err, os.ErrNotExist) {
				b.log.Error("the changed bundle was refused; the one before stays in force", "error", err)
			}
		}
	}
	return nil
}
