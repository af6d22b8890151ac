package stream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/wire"
)

var (
	errCut   = errors.New("the subscriber did not keep up, or the stream was ended")
	errEpoch = errors.New("the log became another log while the stream began")
	errFrame = errors.New("the subscriber sent something that is no ping")
)

// session is one stream.
type session struct {
	request
	s     *Server
	queue *subscriber
	epoch string
	// proven is the size of the checkpoint that the subscriber holds, resumed tells from where it goes on.
	proven  consent.Position
	resumed bool
	at      cursor
	out     outlet
	// seat is where a lane writes it, and end what is done after the last write there.
	seat seat
	end  func(err error)
	// quiet tells that nothing was written since the last tick.
	quiet bool
}

// outlet is where frames are written.
type outlet interface {
	// write writes and flushes. It fails if that takes too long.
	write(raw []byte) error
}

// open finds out where the stream begins.
func (st *session) open(ctx context.Context) error {
	a, err := st.s.ask(ctx, st.held.Checkpoint)
	var c *Contradiction
	switch {
	case errors.As(err, &c):
		return problem.Contradicted(err.Error())
	case err != nil:
		return problem.Unavailable("the head cannot be read; connect again")
	}
	// Somebody else may have proven it since this request began. Whoever does after this look ends this stream with all others.
	if c := st.s.contradiction.Load(); c != nil && c.Epoch == a.head.Epoch {
		return problem.Contradicted(c.Error())
	}
	st.epoch, st.proven = a.head.Epoch, a.proven
	if st.held.Epoch == st.epoch && st.held.Checkpoint != "" && st.proven == 0 {
		st.s.Logger.Warn("a subscriber holds a checkpoint that this ledger did not sign", "subject", st.sub.Caller.Subject)
	}
	// Keys that changed since the request began end the streams of before, and this one may not have been among them.
	if st.told.ID != st.s.Keys.Told().ID {
		return problem.Unavailable("the keys of this ledger are changing; connect again")
	}
	if st.resumes(st.epoch, st.told.ID) && st.proven != 0 && st.proven == st.held.Position {
		st.at, st.resumed = st.queue.scope.resume(st.held.Position, a.head.Position)
	}
	if st.resumed {
		st.s.Hub.count(&st.s.Hub.counts.resumed)
	} else {
		st.s.Hub.count(&st.s.Hub.counts.snapshots)
	}
	return nil
}

// resume gives the cursor of who knows everything up to a position of a log that has a head. A ring that has seen nothing yet can only be of
// use to who knows all there is.
func (sc *scope) resume(at, head consent.Position) (cursor, bool) {
	c, ok := sc.ring.after(at)
	sc.ring.mu.RLock()
	defer sc.ring.mu.RUnlock()
	return c, ok && (sc.ring.known || at == head)
}

// serve takes the connection over if the subscriber asked for that, or answers with the stream.
func (st *session) serve(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	if !st.upgrade {
		ctx, cancel := st.s.expiry(r.Context(), st.sub)
		defer cancel()
		h := w.Header()
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Cache-Control", "no-store")
		st.out = &response{w: w, control: control, timeout: st.s.WriteTimeout}
		st.run(ctx)
		return
	}
	conn, buffered, err := control.Hijack()
	if err != nil {
		st.s.Hub.unsubscribe(st.queue)
		problem.Internal().Write(w)
		return
	}
	// The handler ends here, and with it all that the HTTP server keeps for a request. A subscriber is left with its connection and two
	// goroutines.
	go st.takeOver(conn, early(buffered.Reader))
}

// early copies what came before the connection was taken over.
func early(r *bufio.Reader) []byte {
	if r.Buffered() == 0 {
		return nil
	}
	raw, _ := r.Peek(r.Buffered())
	return append([]byte(nil), raw...)
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + wire.Protocol + "\r\n\r\n"

func (st *session) takeOver(conn net.Conn, early []byte) {
	ctx, cancel := st.s.expiry(context.Background(), st.sub)
	stop := context.AfterFunc(ctx, st.queue.end)
	// The HTTP server, which would have seen to the connection, has nothing to do with it any more.
	end := func(err error) {
		st.ended(ctx, err)
		stop()
		st.s.Hub.unsubscribe(st.queue)
		_ = conn.Close()
		cancel()
	}
	err := errPanic
	defer func() {
		if st.end == nil { // nobody else writes it
			end(err)
		}
	}()
	defer st.survive()
	c := &connection{conn: conn, timeout: st.s.WriteTimeout}
	st.out = c
	if err = errors.Join(conn.SetDeadline(time.Time{}), c.write([]byte(switching))); err != nil {
		return
	}
	go func() {
		defer st.queue.end()
		defer st.survive()
		st.listen(conn, early)
	}()
	tick := time.NewTicker(st.s.Heartbeat)
	defer tick.Stop()
	if err = st.begin(tick.C); err != nil {
		return
	}
	if below := eagerly(conn); below != nil {
		if err = below.hurry(); err == nil {
			st.out, st.end = &hasty{conn: conn, below: below, timeout: st.s.WriteTimeout}, end
			st.s.Hub.seat(st)
		}
		return
	}
	err = st.changes(tick.C)
}

// errPanic ends a stream in which something panicked, which is told of elsewhere.
var errPanic = errors.New("a fault of the ledger")

func (st *session) ended(ctx context.Context, err error) {
	if ctx.Err() == nil {
		st.s.Logger.Info("a stream ended", "subject", st.sub.Caller.Subject, "error", err)
	}
}

// survive keeps a panic to the stream in which it happened, which ends. What a panic says may be about a person.
func (st *session) survive() {
	if v := recover(); v != nil {
		st.panicked(v)
	}
}

func (st *session) panicked(v any) {
	st.s.Logger.Error("a stream panicked", "subject", st.sub.Caller.Subject, "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
}

// listen reads pings until the connection ends. Frames are small, so they are read without a buffer that would wait with each connection.
func (st *session) listen(conn io.Reader, early []byte) {
	from := conn
	if len(early) > 0 {
		from = io.MultiReader(&limited{early}, conn)
	}
	for {
		t, payload, err := wire.ReadSmall(from, maxPing)
		if err != nil {
			return
		}
		if t != wire.TypePing {
			if t >= wire.Critical {
				return
			}
			continue
		}
		ping, err := wire.Decode[wire.Ping](payload)
		if err != nil || !validNonce(ping.Nonce) {
			st.s.Logger.Info("a stream ends", "subject", st.sub.Caller.Subject, "error", errFrame)
			return
		}
		switch ping.Epoch {
		case st.epoch:
		case "":
			ping.Position = 0 // of which log, nobody knows
		default:
			return
		}
		st.s.heard(st.queue, st.epoch, ping)
	}
}

type limited struct{ rest []byte }

func (l *limited) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// run writes the stream, until it ends.
func (st *session) run(ctx context.Context) {
	defer st.s.Hub.unsubscribe(st.queue)
	stop := context.AfterFunc(ctx, st.queue.end)
	defer stop()
	tick := time.NewTicker(st.s.Heartbeat)
	defer tick.Stop()
	err := st.begin(tick.C)
	if err == nil {
		err = st.changes(tick.C)
	}
	st.ended(ctx, err)
}

// begin says hello, and sends everything that is known unless the subscriber has it.
func (st *session) begin(tick <-chan time.Time) error {
	hello := wire.Hello{
		Version: st.version, Epoch: st.epoch, KeyID: st.told.ID, Key: st.told.Key, Later: st.told.Later, Purposes: st.wants.purposes,
		Timed: st.wants.timed, Proven: st.proven,
	}
	if err := st.send(wire.TypeHello, hello); err != nil {
		return err
	}
	if st.resumed {
		return st.send(wire.TypeResumed, wire.At{Position: st.held.Position})
	}
	if err := st.send(wire.TypeSnapshotBegin, nil); err != nil {
		return err
	}
	p := st.s.picture(st.queue.scope)
	for waiting := true; waiting; {
		select {
		case <-p.done:
			waiting = false
		case <-tick:
			if err := st.send(wire.TypeHeartbeat, nil); err != nil {
				return err
			}
		}
	}
	switch {
	case p.err != nil:
		return p.err
	case p.head.Epoch != st.epoch:
		return errEpoch
	}
	for _, f := range p.frames {
		if !st.queue.peek() {
			return errCut
		}
		// Whoever reads so slowly that the changes are gone holds the snapshot in memory for nothing.
		if _, ok := st.queue.scope.ring.after(p.head.Position); !ok {
			return errGap
		}
		if err := st.out.write(f); err != nil {
			return err
		}
	}
	var ok bool
	if st.at, ok = st.queue.scope.ring.after(p.head.Position); !ok {
		return errGap
	}
	return nil
}

// changes sends what happens, until the stream ends.
func (st *session) changes(tick <-chan time.Time) error {
	for {
		wrote, err := st.step()
		if err != nil {
			return err
		}
		if wrote {
			continue
		}
		select {
		case <-st.queue.wake:
		case <-tick:
			if err := st.beat(); err != nil {
				return err
			}
		}
	}
}

// step sends what there is, and tells whether there was anything.
func (st *session) step() (bool, error) {
	span, ok := st.queue.scope.ring.next(&st.at)
	if !ok {
		st.s.Hub.count(&st.s.Hub.counts.cut)
		return false, fmt.Errorf("%w: it fell behind by more than is kept", errCut)
	}
	replies, ok := st.queue.take()
	if !ok {
		return false, errCut
	}
	if len(span)+len(replies) == 0 {
		return false, nil
	}
	st.quiet = false
	for _, raw := range [][]byte{span, replies} {
		if err := st.out.write(raw); err != nil {
			return false, err
		}
	}
	return true, nil
}

// beat gives a sign of life if nothing was sent since the last time.
func (st *session) beat() error {
	if st.quiet {
		return st.send(wire.TypeHeartbeat, nil)
	}
	st.quiet = true
	return nil
}

// pass is a lane's turn. It reports stuck for a stream that has to be waited for.
func (st *session) pass(beat bool) (stuck bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			st.panicked(v)
			stuck, err = false, errPanic
		}
	}()
	out, _ := st.out.(*hasty)
	for wrote := true; wrote; {
		if wrote, err = st.step(); err != nil {
			return false, err
		}
		if out.stuck() {
			return true, nil
		}
	}
	if beat {
		err = st.beat()
	}
	return out.stuck(), err
}

// catchUp writes what a lane could not, and goes back to it.
func (st *session) catchUp() {
	err := errPanic
	defer func() {
		if err != nil {
			st.over(err)
		}
	}()
	defer st.survive()
	out, _ := st.out.(*hasty)
	if err = out.catchUp(); err == nil {
		st.seat.lane.join(st)
	}
}

// over ends a stream that a lane wrote.
func (st *session) over(err error) {
	defer st.survive()
	st.end(err)
}

func (st *session) send(t wire.Type, payload any) error {
	raw, err := wire.Append(nil, t, payload)
	if err != nil {
		return err
	}
	return st.out.write(raw)
}
