package stream

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

const (
	// gather is for how long pings are collected before the database is asked once for all of them.
	gather    = 2 * time.Millisecond
	probeTime = 5 * time.Second
	maxPing   = 4 << 10
	maxNonce  = 128
)

// probe is a question about the log, as it is after the question came.
type probe struct {
	checkpoint string
	answer     func(answer)
}

type answer struct {
	head store.Head
	// proven is the size of the checkpoint if it is of this log.
	proven consent.Position
	err    error
}

// probes ask the database. Those that come at about the same time are answered by one look at it, which begins after all of them came.
type probes struct {
	mu      sync.Mutex
	waiting []probe
	running bool
}

func (s *Server) probe(p probe) {
	s.probes.mu.Lock()
	defer s.probes.mu.Unlock()
	s.probes.waiting = append(s.probes.waiting, p)
	if !s.probes.running {
		s.probes.running = true
		go s.answerProbes()
	}
}

func (s *Server) answerProbes() {
	for {
		time.Sleep(gather)
		s.probes.mu.Lock()
		batch := s.probes.waiting
		s.probes.waiting = nil
		if len(batch) == 0 {
			s.probes.running = false
			s.probes.mu.Unlock()
			return
		}
		s.probes.mu.Unlock()
		s.answerAll(batch)
	}
}

func (s *Server) answerAll(batch []probe) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	head, err := s.Store.Head(ctx)
	if err != nil {
		s.Logger.Error("the head cannot be read", "error", err)
	} else {
		s.Hub.follow(head.Epoch)
		err = s.Rekey(head.Scheme)
	}
	compared := map[string]answer{}
	for _, p := range batch {
		a, ok := compared[p.checkpoint]
		if !ok {
			if a = (answer{head: head, err: err}); err == nil {
				a.proven, a.err = s.compare(ctx, p.checkpoint, head)
			}
			var c *Contradiction
			if errors.As(a.err, &c) {
				s.contradict(c)
			}
			compared[p.checkpoint] = a
		}
		p.answer(a)
	}
}

// ask is probe for one that waits.
func (s *Server) ask(ctx context.Context, checkpoint string) (answer, error) {
	got := make(chan answer, 1)
	s.probe(probe{checkpoint, func(a answer) { got <- a }})
	select {
	case <-ctx.Done():
		return answer{}, ctx.Err()
	case a := <-got:
		return a, a.err
	}
}

// heard takes a ping that came over a stream, and returns once it has been looked into: whoever pings faster than that is not read any
// faster, so that one subscriber cannot fill the memory or keep the others waiting. No answer is an answer, too: the facts of who asked grow
// older.
func (s *Server) heard(sub *subscriber, epoch string, p wire.Ping) {
	sub.hear(p.Position, time.Duration(p.AgeMillis)*time.Millisecond)
	s.Hub.people.tell()
	looked := make(chan struct{})
	s.probe(probe{p.Checkpoint, func(a answer) {
		defer close(looked)
		switch {
		case a.err != nil:
			return
		case a.head.Epoch != epoch:
			sub.end()
			return
		}
		if raw, err := wire.Append(nil, wire.TypePong, s.pong(p.Nonce, a)); err == nil {
			sub.reply(raw)
		}
	}})
	<-looked
}

func (s *Server) pong(nonce string, a answer) wire.Pong {
	return wire.Pong{Nonce: nonce, Epoch: a.head.Epoch, Position: a.head.Position, Time: LedgerTime(s.Now(), a.head), Proven: a.proven}
}

func validNonce(nonce string) bool { return nonce != "" && len(nonce) <= maxNonce }

// Ping answers POST /v1/ping: the head of the log, read from the store after the request came.
func (s *Server) Ping(w http.ResponseWriter, r *http.Request) {
	var ping wire.Ping
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPing))
	if err == nil {
		err = json.Unmarshal(body, &ping)
	}
	if err != nil || !validNonce(ping.Nonce) {
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
	if err := s.Contradicted(r.Context()); err != nil {
		problem.Contradicted(err.Error()).Write(w)
		return
	}
	a, err := s.ask(r.Context(), ping.Checkpoint)
	var c *Contradiction
	switch {
	case errors.As(err, &c):
		problem.Contradicted(err.Error()).Write(w)
		return
	case err != nil:
		problem.Unavailable("the head cannot be read; try again").Write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(s.pong(ping.Nonce, a))
}
