package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// frameSize is about how many bytes of a snapshot go into one frame.
const frameSize = 64 << 10

var (
	errCut   = errors.New("the subscriber did not keep up, or the ledger is stopping")
	errEpoch = errors.New("the log became another log while the stream began")
)

// session is one stream.
type session struct {
	s       *Server
	w       http.ResponseWriter
	control *http.ResponseController
	sub     access.Subscriber
	wants   interest
	queue   *subscriber
	tick    *time.Ticker
}

func (st *session) run(ctx context.Context) error {
	head, err := st.s.Store.Head(ctx)
	if err != nil {
		return err
	}
	st.tick = time.NewTicker(st.s.Heartbeat)
	defer st.tick.Stop()
	h := st.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Cache-Control", "no-store")
	if err := st.send(wire.TypeHello, wire.Hello{
		Version: wire.Version, Epoch: head.Epoch, KeyID: st.s.Keys.ID(), Key: st.s.Keys.Bytes(), Purposes: st.wants.purposes,
		Timed: st.wants.timed,
	}); err != nil {
		return err
	}
	at, err := st.snapshot(ctx, head.Epoch)
	if err != nil {
		return err
	}
	return st.changes(ctx, at)
}

type image struct {
	head   store.Head
	frames [][]byte
	err    error
}

// snapshot sends everything that is known, and gives the position at which it was.
func (st *session) snapshot(ctx context.Context, epoch string) (consent.Position, error) {
	if err := st.send(wire.TypeSnapshotBegin, nil); err != nil {
		return 0, err
	}
	done := make(chan image, 1)
	go func() { done <- st.s.read(ctx, st.wants) }()
	var im image
	for waiting := true; waiting; {
		select {
		case im = <-done:
			waiting = false
		case <-st.tick.C:
			if err := st.send(wire.TypeHeartbeat, nil); err != nil {
				return 0, err
			}
		}
	}
	switch {
	case im.err != nil:
		return 0, im.err
	case im.head.Epoch != epoch:
		return 0, errEpoch
	}
	for _, f := range im.frames {
		if err := st.write(f); err != nil {
			return 0, err
		}
	}
	return im.head.Position, st.send(wire.TypeSnapshotEnd, wire.At{Position: im.head.Position, Plain: !im.head.Hashed})
}

// read encodes a snapshot.
func (s *Server) read(ctx context.Context, wants interest) (im image) {
	select {
	case s.snapshots <- struct{}{}:
		defer func() { <-s.snapshots }()
	case <-ctx.Done():
		return image{err: ctx.Err()}
	}
	// Nothing in a record is later than the head, which is read together with it. The horizon lies beyond, so that what is
	// committed right now is not taken for something of the future and left out.
	horizon := s.Now().AddDate(100, 0, 0)
	p := picture{numbers: map[string]uint32{}}
	im.head, im.err = s.Store.Snapshot(ctx, func(one store.Person) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return p.add(one.Tags, wants.facts(one.Record, horizon))
	})
	if im.err == nil {
		im.err = p.flush()
	}
	im.frames = p.frames
	return im
}

// changes sends what happens after a position, until the stream ends.
func (st *session) changes(ctx context.Context, after consent.Position) error {
	last := after
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-st.tick.C:
			if err := st.send(wire.TypeHeartbeat, nil); err != nil {
				return err
			}
		case <-st.queue.signal:
			frames, ok := st.queue.take()
			if !ok {
				return errCut
			}
			var out []byte
			for _, f := range frames {
				if f.position <= after {
					continue
				}
				if f.position != last+1 {
					return fmt.Errorf("position %d follows %d; the stream starts again", f.position, last)
				}
				last = f.position
				out = append(out, f.bytes...)
			}
			if err := st.write(out); err != nil {
				return err
			}
		}
	}
}

func (st *session) send(t wire.Type, payload any) error {
	raw, err := wire.Append(nil, t, payload)
	if err != nil {
		return err
	}
	return st.write(raw)
}

// write writes and flushes. A subscriber that does not take it in time is cut.
func (st *session) write(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	if err := st.control.SetWriteDeadline(time.Now().Add(st.s.WriteTimeout)); err != nil {
		return err
	}
	if _, err := st.w.Write(raw); err != nil {
		return err
	}
	return st.control.Flush()
}
