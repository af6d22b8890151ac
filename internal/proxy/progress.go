package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// flushing writes and flushes.
type flushing struct{ w *once }

func (f flushing) Write(b []byte) (int, error) {
	f.w.progress()
	n, err := f.w.Write(b)
	if err != nil {
		return n, err
	}
	return n, f.w.flush()
}

var (
	errStalled = errors.New("the service made no progress")
	errInPlain = errors.New("what came within TLS does not go out in plain")
)

// inTime sends a request and waits for the head of its answer as long as the service makes progress. In plain the transport and the
// deadlines of its connections see to that. Over HTTP/2 a service may keep a connection alive and take neither a request nor its body,
// which only the end of the request's context ends.
func (x *exchange) inTime(out *http.Request) (*http.Response, error) {
	if x.by != nil {
		return x.by.RoundTrip(out)
	}
	if out.URL.Scheme != "https" {
		if x.encrypted {
			return nil, errInPlain
		}
		return x.proxy.transport.RoundTrip(out)
	}
	transport, err := x.proxy.transportTo(x.via)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(out.Context())
	w := &wait{stall: x.proxy.stall}
	w.timer = time.AfterFunc(w.stall, func() {
		if !w.over.Load() {
			cancel(errStalled)
		}
	})
	out = out.WithContext(ctx)
	if out.Body != nil {
		out.Body = &waitedFor{out.Body, w}
	}
	res, err := transport.RoundTrip(out)
	w.over.Store(true)
	w.timer.Stop()
	if err != nil {
		if errors.Is(context.Cause(ctx), errStalled) {
			err = errStalled
		}
		cancel(err)
		return nil, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols { // whose body is the connection
		res.Body = &cancelling{res.Body, cancel}
	}
	return res, nil
}

// wait is for a service that is to begin its answer.
type wait struct {
	stall time.Duration
	timer *time.Timer
	// over is set when it has.
	over atomic.Bool
}

// waitedFor is a body that a service takes; the time that the application takes to send it does not count.
type waitedFor struct {
	io.ReadCloser
	wait *wait
}

// Read implements io.Reader.
func (b *waitedFor) Read(p []byte) (int, error) {
	b.wait.timer.Stop()
	n, err := b.ReadCloser.Read(p)
	b.wait.timer.Reset(b.wait.stall)
	return n, err
}

// cancelling is the body of an answer whose request has a context of its own.
type cancelling struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

// Close implements io.Closer.
func (b *cancelling) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
