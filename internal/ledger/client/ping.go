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
	"time"

	"github.com/optup/optup/internal/ledger/wire"
)

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
		}
	}
}

func (s *session) pingOnce(ctx context.Context, epoch string) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	nonce := rand.Text()
	body, err := json.Marshal(wire.Ping{Nonce: nonce})
	if err != nil {
		return err
	}
	req, err := s.request(ctx, http.MethodPost, "/v1/ping", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	known, sent := s.feed.known(epoch), s.feed.Clock()
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the ledger refused a ping: %s", explain(res))
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil {
		return err
	}
	pong, err := wire.Decode[wire.Pong](answer)
	switch {
	case err != nil:
		return err
	case pong.Nonce != nonce:
		return errors.New("the answer belongs to another ping")
	case pong.Epoch != epoch:
		return doubt("the ledger's log became another one")
	case pong.Time.IsZero():
		return errors.New("the answer has no time")
	}
	return s.feed.answered(epoch, known, moment{sent: sent, ledger: pong.Time, position: pong.Position})
}
