package otlp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	firstPause = 300 * time.Millisecond
	// maxAnswer bounds what is read of a receiver's answer, in bytes.
	maxAnswer = 4 << 10
)

// exporter sends spans. It is for one goroutine.
type exporter struct {
	url     string
	headers map[string]string
	timeout time.Duration
	client  *http.Client
	about   []keyValue
	// told is set once it is logged that nobody takes spans, until somebody does.
	told bool
}

// export sends spans that have ended. A receiver that is busy or away for a moment is asked again within the timeout.
func (e *exporter) export(ctx context.Context, spans []*span) error {
	body, err := json.Marshal(encode(e.about, spans))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	for pause := firstPause; ; pause *= 2 {
		again, err := e.send(ctx, body)
		if !again {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// send sends a body once. Again tells that it may be worth another try.
func (e *exporter) send(ctx context.Context, body []byte) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	for name, value := range e.headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := e.client.Do(r)
	if err != nil {
		return ctx.Err() == nil, fmt.Errorf("the receiver of traces cannot be reached: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)) // a connection that was read to its end is used again
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return again, fmt.Errorf("the receiver of traces answers %s", res.Status)
	}
	return false, nil
}
