package proxy

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/optup/optup/internal/uses"
)

// observed is what is measured about one exchange beside its decision. It is for the goroutine of the request.
type observed struct {
	use  uses.Use
	span trace.Span
	// start is when the request was read. Waiting is the time spent on the application and on the service, in reads, writes and round
	// trips: what is left of the whole is our own.
	start   time.Time
	waiting time.Duration
	// in counts what the application sent. The transport may still read a body when the request is measured.
	in atomic.Int64
}

// begin starts the record, the trace and the measurement of a request.
func (x *exchange) begin() {
	x.start = time.Now()
	x.use = x.proxy.Uses.Begin(x.start)
	x.trace()
}

// finish ends them, whatever became of the request.
func (x *exchange) finish() {
	total := time.Since(x.start)
	own := total - x.waiting - x.w.waiting
	x.proxy.Metrics.served(x, total, max(own, 0))
	x.traced()
}

// roundTrip sends a request and measures how long the service takes: until its answer begins, and in all reads of its body. It bounds
// both, so that no reader of an answer has to.
func (x *exchange) roundTrip(out *http.Request) (*http.Response, error) {
	if err := x.insert(out); err != nil {
		return nil, err
	}
	start := time.Now()
	res, err := x.inTime(out)
	x.waiting += time.Since(start)
	if err == nil && res.StatusCode != http.StatusSwitchingProtocols {
		stall := x.proxy.stall
		if flows(res.Header) || strings.HasPrefix(res.Header.Get("Content-Type"), "text/csv") {
			stall *= quietFactor
		}
		res.Body = &serviceBody{ReadCloser: res.Body, waiting: &x.waiting, stall: stall}
		x.hide(res)
	}
	return res, err
}

// serviceBody adds up the time that reads of an answer take, and ends one in which a service stalls.
type serviceBody struct {
	io.ReadCloser
	waiting *time.Duration
	stall   time.Duration
	stalled *time.Timer
}

// Read implements io.Reader.
func (b *serviceBody) Read(p []byte) (int, error) {
	if b.stalled == nil {
		b.stalled = time.AfterFunc(b.stall, func() { _ = b.ReadCloser.Close() })
	} else {
		b.stalled.Reset(b.stall)
	}
	start := time.Now()
	n, err := b.ReadCloser.Read(p)
	b.stalled.Stop()
	*b.waiting += time.Since(start)
	return n, err
}

// came notes a body, or what was read of it, that was waited for since a moment.
func (x *exchange) came(body []byte, since time.Time) {
	x.in.Add(int64(len(body)))
	x.waiting += time.Since(since)
}

// counted counts a body that is passed on as it comes. The request's own Body stays what it is: the server looks at its type.
func (x *exchange) counted(body io.ReadCloser) io.ReadCloser { return &countedBody{body, &x.in} }

type countedBody struct {
	io.ReadCloser
	bytes *atomic.Int64
}

// Read implements io.Reader.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes.Add(int64(n))
	return n, err
}

// measured is what is known about an answer on its way to the application.
type measured struct {
	// decision goes into the header of the answer; empty for none.
	decision string
	bytes    int64
	waiting  time.Duration
}

// told sets the id of the decision, over one that a service might send.
func (m *measured) told(h http.Header) {
	if m.decision != "" {
		h[DecisionHeader] = []string{m.decision}
	}
}

// Write implements io.Writer.
func (o *once) Write(p []byte) (int, error) {
	if !o.written {
		o.WriteHeader(http.StatusOK)
	}
	start := time.Now()
	n, err := o.ResponseWriter.Write(p)
	o.waiting += time.Since(start)
	o.bytes += int64(n)
	return n, err
}
