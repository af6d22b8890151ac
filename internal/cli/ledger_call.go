package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/optup/optup/internal/ledger/problem"
)

// send makes one request and gives the body of its answer. A ledger that asks to slow down is asked again after the time that it says: it has
// done nothing.
func (l *Ledger) send(ctx context.Context, method, path, kind string, body io.Reader, key string) (io.ReadCloser, error) {
	for waited := time.Duration(0); ; {
		res, err := l.ask(ctx, method, path, kind, body, key)
		if err != nil {
			return nil, err
		}
		if res.StatusCode/100 == 2 {
			return res.Body, nil
		}
		pause, again := slowDown(res)
		if waited += pause; !again || waited > maxWait || !rewound(body) {
			return nil, l.refused(res)
		}
		_ = res.Body.Close()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// maxWait bounds how long one call waits because it was asked to slow down.
const maxWait = 5 * time.Minute

// slowDown tells whether an answer asks to come again later, and when.
func slowDown(res *http.Response) (time.Duration, bool) {
	seconds, err := strconv.ParseUint(res.Header.Get("Retry-After"), 10, 16)
	return time.Duration(seconds) * time.Second, err == nil && res.StatusCode == http.StatusTooManyRequests
}

// rewound sets a body to its beginning, and tells whether that can be done.
func rewound(body io.Reader) bool {
	if body == nil {
		return true
	}
	s, ok := body.(io.Seeker)
	if !ok {
		return false
	}
	_, err := s.Seek(0, io.SeekStart)
	return err == nil
}

// ask makes a request once.
func (l *Ledger) ask(ctx context.Context, method, path, kind string, body io.Reader, key string) (*http.Response, error) {
	path, query, _ := strings.Cut(path, "?")
	address := l.base.JoinPath(path)
	address.RawQuery = query
	if _, closes := body.(io.Closer); closes {
		body = io.NopCloser(body) // a file that may be sent again
	}
	req, err := http.NewRequestWithContext(ctx, method, address.String(), body)
	if err != nil {
		return nil, err
	}
	token, err := l.token()
	if err != nil {
		return nil, fmt.Errorf("the token cannot be read: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if accept, ok := ctx.Value(acceptKey{}).(string); ok {
		req.Header.Set("Accept", accept)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := l.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the ledger does not answer: %w", err)
	}
	return res, nil
}

// refused reads why a request was refused.
func (l *Ledger) refused(res *http.Response) error {
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("the ledger's answer broke off: %w", err)
	}
	p := &problem.Problem{}
	if t, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || t != "application/problem+json" || json.Unmarshal(data, p) != nil {
		return fmt.Errorf("what answers at %s is no ledger: %s", l.base.Redacted(), res.Status)
	}
	return p
}
