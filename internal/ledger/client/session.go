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
	"strconv"
	"time"

	"github.com/optup/optup/internal/consent"
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

// contradiction reports a ledger whose log is not that of a checkpoint.
func contradiction(at consent.Position) error {
	return doubt("the ledger's log is not the one whose checkpoint of position %d this sidecar holds: it was restored from an older copy, or there are two; "+
		"nothing rests on the facts until an operator adopts the log (optup-ledger adopt)", at)
}

// session is one connection.
type session struct {
	feed   *Feed
	base   *url.URL
	client *http.Client
	in     intake
	pings  pings
	// upgrade asks for a connection that carries frames both ways.
	upgrade bool
}

func (s *session) run(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f := s.feed
	s.pings = pings{now: make(chan struct{}, 1)}
	s.in.feed, s.in.applied, s.in.pong = f, s.pings.soon, s.pong
	req, err := s.subscription(ctx)
	if err != nil {
		return false, err
	}
	// Without this a ledger that vanished without a word would leave the stream open for ever.
	watchdog := time.AfterFunc(f.Silence, func() { cancel(errors.New("the ledger fell silent")) })
	defer watchdog.Stop()
	res, err := s.client.Do(req)
	if err != nil {
		return false, cause(ctx, err)
	}
	defer res.Body.Close()
	switch both, ok := res.Body.(io.Writer); {
	case res.StatusCode == http.StatusSwitchingProtocols && ok:
		s.pings.over = both
		// The transport has nothing to do with such a connection any more, so nobody else would end it.
		defer context.AfterFunc(ctx, func() { _ = res.Body.Close() })()
	case res.StatusCode != http.StatusOK:
		err := fmt.Errorf("the ledger refused the stream: %w", explain(res))
		if errors.Is(err, errDoubt) {
			f.distrust()
		}
		return false, err
	}
	done := make(chan struct{})
	close(done)
	defer func() { cancel(nil); <-done }()
	source := bufio.NewReaderSize(res.Body, 16<<10)
	frames := wire.NewReader(source)
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
		switch t {
		case wire.TypeSnapshotEnd:
			frames = wire.NewReader(source) // what comes now is small, and needs no room for the largest frame of the snapshot
		case wire.TypeHello:
			done = make(chan struct{})
			go func() { defer close(done); s.ping(ctx, cancel, s.in.hello.Epoch) }()
		default:
		}
	}
}

// subscription asks for a stream, in every version that this client speaks, and tells what it has.
func (s *session) subscription(ctx context.Context) (*http.Request, error) {
	f := s.feed
	req, err := s.request(ctx, http.MethodGet, "/v1/stream", nil)
	if err != nil {
		return nil, err
	}
	q := url.Values{}
	for v := wire.Oldest; v <= wire.Version; v++ {
		q.Add(wire.VersionParameter, strconv.Itoa(v))
	}
	for _, p := range f.Purposes() {
		q.Add(wire.PurposeParameter, string(p))
	}
	for _, p := range f.Timed() {
		q.Add(wire.TimedParameter, string(p))
	}
	if f.Bound != nil {
		if bound := f.Bound(); bound > 0 {
			q.Set(wire.BoundParameter, strconv.FormatInt(bound.Milliseconds(), 10))
		}
	}
	req.URL.RawQuery = q.Encode()
	if held, ok := f.holds(); ok {
		text, err := wire.EncodeHeld(held)
		if err != nil {
			return nil, err
		}
		req.Header.Set(wire.HeldHeader, text)
	}
	if s.upgrade {
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", wire.Protocol)
	}
	return req, nil
}

func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// explain gives what the ledger says about a refusal. It says nothing about people. It is errDoubt where the ledger says that its log
// contradicts what it said before.
func explain(res *http.Response) error {
	var p struct {
		Type   string `json:"type"`
		Detail string `json:"detail"`
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	switch {
	case json.Unmarshal(body, &p) != nil || p.Detail == "":
		return errors.New(res.Status)
	case p.Type == wire.Contradicted:
		return doubt("%s, %.600q", res.Status, p.Detail)
	}
	return fmt.Errorf("%s, %.300q", res.Status, p.Detail)
}

func (s *session) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.base.JoinPath(path).String(), body)
	if err != nil {
		return nil, err
	}
	return req, s.feed.authorize(req)
}
