package stream

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

const (
	defaultHeartbeat    = 5 * time.Second
	defaultWriteTimeout = 10 * time.Second
	// maxSnapshots bounds how many are read at the same time, so that readers of the head never wait for them.
	maxSnapshots = 3
	maxPurposes  = 256
	maxPing      = 1 << 10
	maxNonce     = 128
)

// Options say what a Server serves.
type Options struct {
	Store store.Store
	Hub   *Hub
	Guard *access.Guard
	Keys  *keys.Stream
	// Now is the ledger's clock.
	Now    func() time.Time
	Logger *slog.Logger
	// Heartbeat is how often a stream gives a sign of life, and WriteTimeout how long one write may take; 0 for 5 s and 10 s.
	Heartbeat, WriteTimeout time.Duration
}

// Server answers GET /v1/stream and POST /v1/ping. It is safe for concurrent use.
type Server struct {
	Options
	snapshots chan struct{}
}

// NewServer returns a server.
func NewServer(o Options) *Server {
	if o.Heartbeat == 0 {
		o.Heartbeat = defaultHeartbeat
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = defaultWriteTimeout
	}
	return &Server{Options: o, snapshots: make(chan struct{}, maxSnapshots)}
}

// Subscribe answers GET /v1/stream?purpose=...&timed=...: a stream of frames until the caller's token or grant ends.
func (s *Server) Subscribe(w http.ResponseWriter, r *http.Request) {
	sub, err := s.Guard.Subscriber(r, asked(r, wire.PurposeParameter))
	if err != nil {
		refuse(w, err)
		return
	}
	if len(sub.Purposes) > maxPurposes {
		problem.Invalid("ask for at most 256 purposes in one stream").Write(w)
		return
	}
	wants := newInterest(sub.Purposes, asked(r, wire.TimedParameter))
	queue := s.Hub.subscribe(wants)
	if queue == nil {
		problem.Unavailable("the ledger is stopping; connect again").Write(w)
		return
	}
	defer s.Hub.unsubscribe(wants, queue)
	ctx, cancel := r.Context(), context.CancelFunc(func() {})
	if !sub.Expires.IsZero() {
		// The verifier's clock may be a test's, contexts follow the real one.
		ctx, cancel = context.WithTimeout(ctx, sub.Expires.Sub(s.Now()))
	}
	defer cancel()
	st := &session{s: s, w: w, control: http.NewResponseController(w), sub: sub, wants: wants, queue: queue}
	if err := st.run(ctx); err != nil && ctx.Err() == nil {
		s.Logger.Info("a stream ended", "subject", sub.Caller.Subject, "error", err)
	}
}

func asked(r *http.Request, parameter string) []consent.PurposeID {
	var out []consent.PurposeID
	for _, p := range r.URL.Query()[parameter] {
		out = append(out, consent.PurposeID(p))
	}
	return out
}

func refuse(w http.ResponseWriter, err error) {
	var p *problem.Problem
	if !errors.As(err, &p) {
		p = problem.Internal()
	}
	p.Write(w)
}

// Ping answers POST /v1/ping: the head of the log, read from the store after the request came.
func (s *Server) Ping(w http.ResponseWriter, r *http.Request) {
	var ping wire.Ping
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPing))
	if err == nil {
		err = json.Unmarshal(body, &ping)
	}
	if err != nil || ping.Nonce == "" || len(ping.Nonce) > maxNonce {
		problem.Malformed(`send {"nonce":"..."} with 1 to 128 bytes`).Write(w)
		return
	}
	caller, err := s.Guard.Caller(r)
	if err == nil && len(caller.Roles) == 0 {
		_, err = s.Guard.Subscriber(r, nil)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	head, err := s.Store.Head(r.Context())
	if err != nil {
		s.Logger.Error("the head cannot be read", "error", err)
		problem.Unavailable("the head cannot be read; try again").Write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(wire.Pong{Nonce: ping.Nonce, Epoch: head.Epoch, Position: head.Position, Time: LedgerTime(s.Now(), head)})
}

// LedgerTime is the ledger's time: that of its clock, but never before that of an event.
func LedgerTime(now time.Time, head store.Head) time.Time {
	if now = now.UTC(); now.Before(head.At) {
		return head.At
	}
	return now
}
