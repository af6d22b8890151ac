package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/optup/optup/test/bypass/market"
)

// app is an application. Each has connections of its own.
type app struct {
	w    *world
	http *http.Client
}

func (w *world) app() *app { return w.appAt(w.base, false) }

func (w *world) appAt(addr string, http2 bool) *app {
	t := &http.Transport{DisableCompression: true, DialContext: nil}
	if http2 {
		t.Protocols = &http.Protocols{}
		t.Protocols.SetUnencryptedHTTP2(true)
	}
	w.t.Cleanup(t.CloseIdleConnections)
	return &app{w: w, http: &http.Client{Transport: &toward{t, addr}}}
}

// toward sends everything to one address.
type toward struct {
	*http.Transport
	addr string
}

// RoundTrip implements http.RoundTripper.
func (t *toward) RoundTrip(r *http.Request) (*http.Response, error) {
	r.URL.Scheme, r.URL.Host = "http", t.addr
	return t.Transport.RoundTrip(r)
}

// answer is what an application got. Without an error it looked whole.
type answer struct {
	status   int
	decision string
	retry    string
	body     []byte
	err      error
}

func (a *app) do(ctx context.Context, method, path, body string) answer {
	r, err := http.NewRequestWithContext(ctx, method, "http://service"+path, strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := a.http.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	out := answer{status: res.StatusCode, decision: res.Header.Get("Optup-Decision"), retry: res.Header.Get("Retry-After")}
	out.body, out.err = io.ReadAll(res.Body)
	return out
}

func (a *app) get(path string) answer {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return a.do(ctx, http.MethodGet, path, "")
}

// send sends a mail to people.
func (a *app) send(template, subject string, people ...market.Person) answer {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return a.do(ctx, http.MethodPost, "/v3/mail/send", letter(template, subject, people...))
}

func letter(template, subject string, people ...market.Person) string {
	m := mail{Template: template, Subject: subject}
	for _, p := range people {
		m.To = append(m.To, struct {
			Email string `json:"email"`
		}{p.Mail})
	}
	text, _ := json.Marshal(m) // strings only
	return string(text)
}

// behind tells whether an answer is a refusal because facts are too old, which says when to come again.
func (a answer) behind() bool {
	return a.err == nil && a.status == http.StatusServiceUnavailable && a.retry != "" && bytes.Contains(a.body, []byte("LEDGER_BEHIND"))
}

func (a answer) String() string {
	return fmt.Sprintf("%d, %v: %.300q", a.status, a.err, a.body)
}

// whole fails unless a list that looks whole is one, after so many have withdrawn.
func (w *world) whole(a answer, withdrawn int) {
	w.t.Helper()
	clean(w.t, w.shop.market, "an application", a.body)
	if a.err != nil || a.status != http.StatusOK {
		return
	}
	var list struct{ Customers []json.RawMessage }
	if err := json.Unmarshal(a.body, &list); err != nil || len(list.Customers) != market.Permitted-withdrawn {
		w.t.Errorf("a list that looks whole has %d records: %v, ...%q", len(list.Customers), err, a.body[max(0, len(a.body)-200):])
	}
}

// stream is an answer without an end that an application follows.
type stream struct {
	got   atomic.Int64
	ended chan error
	stop  context.CancelFunc
	// seen is told of every line.
	seen func(line []byte)
}

// follow follows visits until they end. Lines tells what was seen of somebody.
func (a *app) follow(seen func(line []byte)) *stream {
	ctx, cancel := context.WithCancel(context.Background())
	s := &stream{ended: make(chan error, 1), stop: cancel, seen: seen}
	a.w.t.Cleanup(cancel)
	go func() { s.ended <- s.run(ctx, a) }()
	return s
}

func (s *stream) run(ctx context.Context, a *app) error {
	defer s.stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://service/v1/visits", http.NoBody)
	if err != nil {
		return err
	}
	res, err := a.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the stream was refused: %s", res.Status)
	}
	var rest []byte
	b := make([]byte, 16<<10)
	for {
		n, err := res.Body.Read(b)
		s.got.Add(int64(n))
		rest = append(rest, b[:n]...)
		if end := bytes.LastIndexByte(rest, '\n') + 1; end > 0 || err != nil {
			if err != nil {
				end = len(rest)
			}
			s.seen(rest[:end])
			rest = append([]byte(nil), rest[end:]...)
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// follow follows visits with an application of its own.
func (w *world) follow(http2 bool) *stream {
	return w.appAt(w.base, http2).follow(func(lines []byte) { clean(w.t, w.shop.market, "a stream", lines) })
}
