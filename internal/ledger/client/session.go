package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/optup/optup/internal/ledger/wire"
)

const (
	grantHeader = wire.GrantHeader
	pingTimeout = 5 * time.Second
)

// errDoubt reports that what the ledger says does not fit together, so that nothing may rest on the facts.
var errDoubt = errors.New("the facts are in doubt, a new snapshot is needed")

func doubt(why string, args ...any) error {
	return fmt.Errorf("%w: %s", errDoubt, fmt.Sprintf(why, args...))
}

// session is one connection.
type session struct {
	feed   *Feed
	base   *url.URL
	client *http.Client
	in     intake
}

func (s *session) run(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f := s.feed
	s.in.feed = f
	req, err := s.request(ctx, http.MethodGet, "/v1/stream", nil)
	if err != nil {
		return false, err
	}
	q := url.Values{}
	for _, p := range f.Purposes() {
		q.Add(wire.PurposeParameter, string(p))
	}
	for _, p := range f.Timed() {
		q.Add(wire.TimedParameter, string(p))
	}
	req.URL.RawQuery = q.Encode()

	// Without this a ledger that vanished without a word would leave the stream open for ever.
	watchdog := time.AfterFunc(f.Silence, func() { cancel(errors.New("the ledger fell silent")) })
	defer watchdog.Stop()
	res, err := s.client.Do(req)
	if err != nil {
		return false, cause(ctx, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return false, fmt.Errorf("the ledger refused the stream: %s", explain(res))
	}
	source := bufio.NewReaderSize(res.Body, 16<<10)
	frames := wire.NewReader(source)
	done := make(chan struct{})
	close(done)
	defer func() { cancel(nil); <-done }()
	for {
		t, payload, err := frames.Next()
		if err == nil {
			watchdog.Reset(f.Silence)
			err = s.in.take(t, payload)
		}
		if err != nil {
			if errors.Is(err, errDoubt) || errors.Is(err, wire.ErrFrame) {
				f.distrust()
			}
			return s.in.phase == phaseLive, cause(ctx, err)
		}
		if t == wire.TypeSnapshotEnd {
			frames = wire.NewReader(source) // what comes now is small, and needs no room for the largest frame of the snapshot
		}
		if t == wire.TypeHello {
			done = make(chan struct{})
			go func() { defer close(done); s.ping(ctx, cancel, s.in.hello.Epoch) }()
		}
	}
}

func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// explain gives what the ledger says about a refusal. It says nothing about people.
func explain(res *http.Response) string {
	var p struct {
		Detail string `json:"detail"`
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		return res.Status
	}
	return fmt.Sprintf("%s, %.300q", res.Status, p.Detail)
}

func (s *session) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.base.JoinPath(path).String(), body)
	if err != nil {
		return nil, err
	}
	return req, s.feed.authorize(req)
}
