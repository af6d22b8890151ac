package access

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"time"
)

// maxAnswer bounds what an issuer may answer, in bytes.
const maxAnswer = 1 << 20

// rested asks an issuer the same thing at most once in a while, and gives the same answer meanwhile. Whoever sends forged tokens would
// otherwise have the ledger fetch the issuer's keys anew for each of them.
type rested struct {
	next http.RoundTripper

	mu   sync.Mutex
	said map[string]said
}

// said is the last answer about a URL. There are no more of them than an issuer's configuration names.
type said struct {
	at     time.Time
	status int
	header http.Header
	body   []byte
}

// RoundTrip implements http.RoundTripper. One question is asked at a time.
func (r *rested) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, ok := r.said[req.URL.String()]
	if !ok || time.Since(last.at) >= askAgain {
		res, err := r.next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
		if err != nil {
			return nil, err
		}
		last = said{at: time.Now(), status: res.StatusCode, header: res.Header, body: body}
		if res.StatusCode == http.StatusOK {
			r.said[req.URL.String()] = last
		}
	}
	return &http.Response{
		Status: http.StatusText(last.status), StatusCode: last.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: last.header.Clone(),
		Body: io.NopCloser(bytes.NewReader(last.body)), ContentLength: int64(len(last.body)), Request: req,
	}, nil
}
