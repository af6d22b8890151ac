package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/wire"
)

// pings are those of one connection.
type pings struct {
	// over takes pings as frames; nil sends them as requests of their own.
	over io.Writer
	now  chan struct{}

	mu   sync.Mutex
	sent []sent
}

// maxSent bounds the pings that wait for an answer.
const maxSent = 64

// sent is a ping that was sent.
type sent struct {
	nonce, epoch string
	at           time.Duration
	// known is what had been applied, and held the checkpoint that the answer has to prove.
	known consent.Position
	held  checkpoint
}

// soon asks for a ping before its time.
func (p *pings) soon() {
	select {
	case p.now <- struct{}{}:
	default:
	}
}

func (p *pings) note(one sent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sent) == maxSent {
		p.sent = p.sent[1:]
	}
	p.sent = append(p.sent, one)
}

// find gives the ping that an answer belongs to, and forgets it and those before.
func (p *pings) find(nonce string) (sent, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, one := range p.sent {
		if one.nonce == nonce {
			p.sent = p.sent[i+1:]
			return one, true
		}
	}
	return sent{}, false
}

// ping renews freshness until ctx ends. A failed ping only lets the facts grow older; an answer that contradicts the stream ends
// the connection.
func (s *session) ping(ctx context.Context, cancel context.CancelCauseFunc, epoch string) {
	tick := time.NewTicker(s.feed.PingEvery)
	defer tick.Stop()
	failed := false
	for {
		err := s.pingOnce(ctx, epoch)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errDoubt):
			s.feed.distrust()
			cancel(err)
			return
		case err != nil && !failed:
			s.feed.Logger.Warn("a ping to the ledger failed; facts grow older", "ledger", s.base.Host, "error", err)
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.pings.now:
		}
	}
}

func (s *session) pingOnce(ctx context.Context, epoch string) error {
	one := sent{nonce: rand.Text(), epoch: epoch, known: s.feed.known(epoch), held: s.feed.holding(epoch), at: s.feed.Clock()}
	ping := wire.Ping{Nonce: one.nonce, Epoch: epoch, Position: one.known, Checkpoint: one.held.text, AgeMillis: -1}
	if age := s.feed.Now().Age; age >= 0 {
		ping.AgeMillis = age.Milliseconds()
	}
	if s.pings.over != nil {
		raw, err := wire.Append(nil, wire.TypePing, ping)
		if err != nil {
			return err
		}
		s.pings.note(one)
		_, err = s.pings.over.Write(raw)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	body, err := json.Marshal(ping)
	if err != nil {
		return err
	}
	req, err := s.request(ctx, http.MethodPost, "/v1/ping", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the ledger refused a ping: %w", explain(res))
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil {
		return err
	}
	pong, err := wire.Decode[wire.Pong](answer)
	switch {
	case err != nil:
		return err
	case pong.Nonce != one.nonce:
		return errors.New("the answer belongs to another ping")
	}
	return s.settle(one, pong)
}

// pong takes an answer that came over the stream.
func (s *session) pong(payload []byte) error {
	pong, err := wire.Decode[wire.Pong](payload)
	if err != nil {
		return err
	}
	one, ok := s.pings.find(pong.Nonce)
	if !ok {
		return nil // to a ping that was given up
	}
	return s.settle(one, pong)
}

// settle lets an answer count.
func (s *session) settle(one sent, pong wire.Pong) error {
	switch {
	case pong.Epoch != one.epoch:
		return doubt("the ledger's log became another one")
	case one.held.text != "" && s.in.hello.Version >= 3 && pong.Proven != one.held.at:
		return contradiction(one.held.at)
	case pong.Time.IsZero():
		return errors.New("the answer has no time")
	}
	return s.feed.answered(one.epoch, one.known, moment{sent: one.at, ledger: pong.Time, position: pong.Position})
}
