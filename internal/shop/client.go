package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Waits between tries where the answer does not say how long: the first, doubled each time up to the longest.
const (
	firstWait   = 100 * time.Millisecond
	longestWait = 5 * time.Second
)

// mailer sends mails through a provider's API. It is safe for concurrent use.
type mailer struct {
	url, key string
	client   *http.Client
	// patience is the time that all requests together may still spend waiting for another try, in nanoseconds.
	patience atomic.Int64
}

// answer is the provider's last word on one request; status 0 stands for none.
type answer struct {
	status int
	reason string
}

func (a answer) accepted() bool { return a.status >= 200 && a.status < 300 }

// final tells whether trying again makes no sense.
func (a answer) final() bool {
	return a.status != 0 && a.status < 500 && a.status != http.StatusTooManyRequests
}

func newMailer(base, key string, patience time.Duration) *mailer {
	m := &mailer{url: strings.TrimSuffix(base, "/") + "/v3/mail/send", key: key, client: newClient()}
	m.patience.Store(int64(patience))
	return m
}

func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // what the standard library documents
	t.MaxIdleConnsPerHost = 64
	return &http.Client{Transport: t, Timeout: 15 * time.Second}
}

// send tries until there is a final answer or the patience of all requests together is used up. It waits as long as the answer's
// Retry-After says (RFC 9110), or ever longer where it says nothing.
func (m *mailer) send(ctx context.Context, mail *sendRequest) answer {
	body, err := json.Marshal(mail)
	if err != nil {
		return answer{reason: err.Error()}
	}
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		a, after := m.try(ctx, body)
		if a.final() || ctx.Err() != nil {
			return a
		}
		pause := wait
		if after >= 0 {
			pause = after
		}
		if m.patience.Add(-int64(max(pause, time.Millisecond))) < 0 {
			return a
		}
		select {
		case <-ctx.Done():
			return a
		case <-time.After(pause):
		}
	}
}

// try sends once. The duration is what Retry-After asks for, negative if it asks for nothing.
func (m *mailer) try(ctx context.Context, body []byte) (answer, time.Duration) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(body))
	if err != nil {
		return answer{reason: err.Error()}, -1
	}
	r.Header.Set("Content-Type", "application/json")
	if m.key != "" {
		r.Header.Set("Authorization", "Bearer "+m.key)
	}
	response, err := m.client.Do(r)
	if err != nil {
		return answer{reason: "no answer"}, -1
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	a := answer{status: response.StatusCode}
	if !a.accepted() {
		a.reason = reasonOf(response, text)
	}
	return a, retryAfter(response.Header.Get("Retry-After"), time.Now())
}

// reasonOf finds the shortest thing that an answer says about why it refuses: the reasons or the title of a problem (RFC 9457), or
// the status.
func reasonOf(response *http.Response, body []byte) string {
	otherwise := fmt.Sprintf("HTTP %d", response.StatusCode)
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || kind != "application/problem+json" {
		return otherwise
	}
	var problem struct {
		Title   string   `json:"title"`
		Reasons []string `json:"reasons"`
	}
	if err := json.Unmarshal(body, &problem); err != nil {
		return otherwise
	}
	if len(problem.Reasons) > 0 {
		return strings.Join(problem.Reasons, ",")
	}
	if problem.Title != "" {
		return problem.Title
	}
	return otherwise
}

// retryAfter reads a Retry-After header: seconds or a date. Negative stands for none.
func retryAfter(v string, now time.Time) time.Duration {
	if s, err := strconv.Atoi(v); err == nil && s >= 0 {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(now))
	}
	return -1
}

// getJSON reads one JSON answer. A status other than 200 is a refusedError.
func getJSON(ctx context.Context, c *http.Client, url string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := c.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return &refusedError{status: response.StatusCode, reason: reasonOf(response, body)}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return errors.Join(errors.New("the answer is no readable JSON"), err)
	}
	return nil
}

// refusedError is an answer that refuses.
type refusedError struct {
	status int
	reason string
}

func (e *refusedError) Error() string { return fmt.Sprintf("refused with %d: %s", e.status, e.reason) }
