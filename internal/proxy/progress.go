package proxy

import (
	"io"
	"net/http"
	"time"
)

// flushing writes and flushes.
type flushing struct {
	w      *once
	client *http.ResponseController
}

func (f flushing) Write(b []byte) (int, error) {
	f.w.progress()
	n, err := f.w.Write(b)
	if err != nil {
		return n, err
	}
	return n, f.client.Flush()
}

// stallable is an answer's body that ends when the service stalls.
type stallable struct {
	io.Reader
	timer *time.Timer
	stall time.Duration
}

func newStallable(body io.ReadCloser, stall time.Duration) *stallable {
	return &stallable{Reader: body, stall: stall, timer: time.AfterFunc(stall, func() { _ = body.Close() })}
}

// Read implements io.Reader.
func (s *stallable) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	s.timer.Reset(s.stall)
	return n, err
}

func (s *stallable) stop() { s.timer.Stop() }
