package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
)

// source is one program's metrics, with the labels that Prometheus gives to a pod.
type source struct{ url, namespace, pod string }

// store keeps metrics as Prometheus does, and answers queries about them.
type store struct {
	db     *tsdb.DB
	engine *promql.Engine
	// seen are the series that each source had when it was last read.
	seen map[source]map[string]labels.Labels
}

func openStore(dir string) (*store, error) {
	db, err := tsdb.Open(dir, slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		return nil, err
	}
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 10_000_000, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{}),
	})
	return &store{db: db, engine: engine, seen: map[source]map[string]labels.Labels{}}, nil
}

// follow reads all sources every second until the context ends.
func (s *store) follow(ctx context.Context, sources []source) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		now := time.Now()
		for _, from := range sources {
			if err := s.read(ctx, from, now); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", from.url, err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// read takes one source's metrics. A source that does not answer leaves its series stale, as Prometheus has it.
func (s *store) read(ctx context.Context, from source, now time.Time) error {
	body, kind, err := get(ctx, from.url)
	if err != nil {
		body = nil
	}
	app := s.db.Appender(context.WithoutCancel(ctx))
	at, fresh := now.UnixMilli(), map[string]labels.Labels{}
	if len(body) > 0 {
		p, err := textparse.New(body, kind, labels.NewSymbolTable(), textparse.ParserOptions{FallbackContentType: "text/plain"})
		if p == nil {
			return err
		}
		for {
			entry, err := p.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return errors.Join(err, app.Rollback())
			}
			if entry != textparse.EntrySeries {
				continue
			}
			var l labels.Labels
			p.Labels(&l)
			l = labels.NewBuilder(l).Set("namespace", from.namespace).Set("pod", from.pod).Labels()
			_, _, v := p.Series()
			if _, err := app.Append(0, l, at, v); err != nil {
				return errors.Join(err, app.Rollback())
			}
			fresh[l.String()] = l
		}
	}
	for name, l := range s.seen[from] {
		if _, ok := fresh[name]; !ok {
			if _, err := app.Append(0, l, at, stale); err != nil {
				return errors.Join(err, app.Rollback())
			}
		}
	}
	s.seen[from] = fresh
	return app.Commit()
}

// get reads a page of metrics.
func get(ctx context.Context, url string) (body []byte, kind string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 900*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, "", err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, "", errors.New(res.Status)
	}
	body, err = io.ReadAll(res.Body)
	return body, res.Header.Get("Content-Type"), err
}
