package proxy

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	chunk = 32 << 10
	// stallTime is how long a client or a service may make no progress. There is no bound on the whole of a body.
	stallTime = time.Minute
	// quietFactor is how many times longer a stream of events or lines, those of a table too, may be silent.
	quietFactor = 15
	// pauseTime is after how long without another piece an answer counts as paused and what came is passed on.
	pauseTime = 5 * time.Millisecond
)

var chunks = sync.Pool{New: func() any { return new([chunk]byte) }}

// stream copies an answer and its trailers.
func (x *exchange) stream(res *http.Response) {
	x.copyBody(res)
	for name, values := range res.Trailer {
		if len(x.w.Header()["Trailer"]) == 0 {
			name = http.TrailerPrefix + name // nobody announced it
		}
		x.w.Header()[name] = values
	}
}

// copyBody copies an answer without its trailers. It ends the connection if the service breaks off, so that a part never looks whole.
func (x *exchange) copyBody(res *http.Response) {
	buf, _ := chunks.Get().(*[chunk]byte)
	defer chunks.Put(buf)
	err := x.atOnce(res, buf)
	if err == nil {
		err = x.rest(res, buf)
	}
	if !errors.Is(err, io.EOF) {
		panic(http.ErrAbortHandler)
	}
}

// atOnce copies what is there of an answer whose length is known. Most end here.
func (x *exchange) atOnce(res *http.Response, buf *[chunk]byte) error {
	if res.ContentLength < 0 || res.ContentLength > chunk {
		return nil // its head does not wait for its body
	}
	n, err := res.Body.Read(buf[:])
	if n > 0 {
		if _, werr := x.w.Write(buf[:n]); werr != nil {
			return werr
		}
	}
	return err
}

// rest copies what is not there at once. Whoever stalls, the service or the client, ends it.
func (x *exchange) rest(res *http.Response, buf *[chunk]byte) error {
	out := newPausing(x.w, flows(res.Header))
	defer out.stop()
	out.came()
	for {
		n, err := res.Body.Read(buf[:])
		if n > 0 {
			if werr := out.write(buf[:n]); werr != nil {
				return werr
			}
		}
		if err != nil {
			return err
		}
	}
}

// flows tells whether an answer is a stream whose every piece is waited for.
func flows(h http.Header) bool {
	kind := strings.ToLower(h.Get("Content-Type"))
	return strings.HasPrefix(kind, "text/event-stream") || strings.Contains(kind, "ndjson") || strings.Contains(kind, "jsonl")
}

// pausing writes an answer and flushes it when the source pauses.
type pausing struct {
	w      *once
	client *http.ResponseController
	// at is how long a pause is; 0 flushes every piece.
	at time.Duration

	mu    sync.Mutex
	timer *time.Timer
	dirty bool
	// held is what was gathered and not written yet. The timer runs from its first piece on.
	held []byte
	// failed is why something that was gathered could not be written.
	failed error
}

func newPausing(w *once, atOnce bool) *pausing {
	p := &pausing{w: w, client: http.NewResponseController(w.ResponseWriter), at: pauseTime}
	if atOnce {
		p.at = 0
	}
	return p
}

func (p *pausing) write(b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.w.progress()
	if _, err := p.w.Write(b); err != nil {
		return err
	}
	return p.written()
}

// gathering is how much is gathered before it is written: a write of little costs nearly as much as one of much.
const gathering = 256 << 10

// gather is write for small pieces: they are written together, the first of them at the latest after the time of a pause.
func (p *pausing) gather(b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return p.failed
	}
	if len(p.held)+len(b) > gathering {
		p.writeHeld()
	}
	if len(b) >= gathering {
		p.put(b)
	} else {
		p.held = append(p.held, b...)
	}
	if p.failed != nil || p.dirty {
		return p.failed
	}
	return p.written()
}

// end writes what is left of what was gathered.
func (p *pausing) end() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writeHeld()
	return p.failed
}

func (p *pausing) writeHeld() {
	if len(p.held) > 0 && p.failed == nil {
		p.put(p.held)
		p.held = p.held[:0]
	}
}

func (p *pausing) put(b []byte) {
	for len(b) > 0 && p.failed == nil {
		n := len(b)
		if p.w.stall > 0 {
			n = min(n, chunk) // a stream's time is for each write, however much the reader took of it
		}
		p.w.progress()
		_, p.failed = p.w.Write(b[:n])
		b = b[n:]
	}
}

// came notes what was written before, if only the head.
func (p *pausing) came() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.written()
}

func (p *pausing) written() error {
	if p.at == 0 {
		return p.w.flush()
	}
	p.dirty = true
	if p.timer == nil {
		p.timer = time.AfterFunc(p.at, p.paused)
	} else {
		p.timer.Reset(p.at)
	}
	return nil
}

func (p *pausing) paused() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dirty {
		p.dirty = false
		p.writeHeld()
		p.w.progress()
		_ = p.client.Flush()
	}
}

// stop ends flushing; nothing is written afterwards.
func (p *pausing) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dirty = false
	if p.timer != nil {
		p.timer.Stop()
	}
}

var errBodyLost = errors.New("the request's body did not come")

// patient is the body of a request that is passed on as it comes. A client that stalls ends it.
type patient struct {
	io.ReadCloser
	client *http.ResponseController
	stall  time.Duration
	until  time.Time
	// lost is set when the body did not come. The server ends the request's context with it, which may be what is noticed first.
	lost atomic.Bool
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	if now := time.Now(); p.until.Sub(now) < p.stall/2 {
		p.until = now.Add(p.stall)
		_ = p.client.SetReadDeadline(p.until)
	}
	n, err := p.ReadCloser.Read(b)
	switch {
	case errors.Is(err, io.EOF):
		_ = p.client.SetReadDeadline(time.Time{})
	case err != nil:
		p.lost.Store(true)
		err = errBodyLost // whatever it is, it is not the service's
	}
	return n, err
}
