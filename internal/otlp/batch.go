package otlp

import (
	"context"
	"log/slog"
	"time"
)

const (
	// waiting is how many spans may wait to be sent, together how many are sent at once, and linger how long one waits for others.
	waiting  = 2048
	together = 512
	linger   = 2 * time.Second
)

// Start makes a tracer for an endpoint (see newExporter), with attributes of the process, which come before those that
// OTEL_RESOURCE_ATTRIBUTES names. Stop sends what is left, until its context ends.
func Start(endpoint string, about map[string]string) (t *Tracer, stop func(context.Context), err error) {
	e, err := newExporter(endpoint, about)
	if err != nil {
		return nil, nil, err
	}
	t = &Tracer{ended: make(chan *span, waiting), full: make(chan struct{}, 1)}
	if t.sampled, err = sampling(); err != nil {
		return nil, nil, err
	}
	sending, cancel := context.WithCancel(context.Background())
	stopping, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		e.follow(sending, t, stopping)
		e.client.CloseIdleConnections()
	}()
	return t, func(ctx context.Context) {
		defer context.AfterFunc(ctx, cancel)()
		close(stopping)
		<-done
	}, nil
}

// follow sends spans as they end, and what is left once stopping is closed.
func (e *exporter) follow(ctx context.Context, t *Tracer, stopping <-chan struct{}) {
	tick := time.NewTicker(linger)
	defer tick.Stop()
	for more := true; more; {
		select {
		case <-stopping:
			more = false
		case <-tick.C:
		case <-t.full:
		}
		for e.sendSome(ctx, t.ended) {
		}
	}
}

// sendSome sends what has ended, as many as go together, and tells whether there may be more. What cannot be sent is lost.
func (e *exporter) sendSome(ctx context.Context, ended <-chan *span) (more bool) {
	var some []*span
	for len(some) < together {
		select {
		case s := <-ended:
			some = append(some, s)
			continue
		default:
		}
		break
	}
	if len(some) == 0 {
		return false
	}
	err := e.export(ctx, some)
	if err != nil && !e.told {
		slog.Warn("traces cannot be sent; spans are lost", "error", err)
	}
	e.told = err != nil
	return ctx.Err() == nil && len(some) == together
}
