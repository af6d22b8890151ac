package envoy

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2/hpack"
)

// conn is a connection. One goroutine reads it, takes in whole frames, and answers calls whose messages are small itself; those with large
// messages are answered by goroutines of their own.
//
// What a peer can have it do is bounded without counting frames: answers, acknowledgements and resets are written before more is read, so
// that who does not take them is not read from. Beyond that there are bounds on streams, on the fields of a request, on windows, on memory
// (Server.Hold), and on the time for everything that was begun (patience).
type conn struct {
	net.Conn
	server *Server
	ctx    context.Context //nolint:containedctx // of the server: calls end with it

	// Of the reader: what was read, and from where on it was not taken in; the decoder of fields with the request that it reads, and the block
	// that is not whole; the calls that are, and room for an answer.
	in      []byte
	at      int
	decoder *hpack.Decoder
	request request
	block   block
	ready   []*stream
	answer  []byte
	// greeted tells how much of the preface was there, and settings that the frame after it was.
	greeted  int
	settings bool
	// Times: when the connection began, when a whole frame came last, when a call did, since when a frame or a block is not whole, when a ping
	// went out, when the peer was told to go; and the deadline that is set.
	began, heard, called, unfinished, pinged, ended, due time.Time
	stopping                                             atomic.Bool

	mu      sync.Mutex
	streams map[uint32]*stream
	free    []*stream
	last    uint32
	// taken is what came of bodies since the peer was told that it may send more.
	taken int
	out   out
}

// patience is how long what was begun may take.
type patience struct {
	// start is for the first frame, frame for a frame or a block of fields to become whole, call for a message to become whole and for an
	// answer to be taken, write for what is written to be taken, end for a peer to go that was told to.
	start, frame, call, write, end time.Duration
	// silence is after how long a peer is asked whether it is there, pong how long it may take to say so, idle for how long it may have no
	// call.
	silence, pong, idle time.Duration
	// look is how often is looked at what waits.
	look time.Duration
}

var usual = patience{
	start: 5 * time.Second, frame: 30 * time.Second, call: 30 * time.Second, write: 30 * time.Second, end: time.Second,
	silence: time.Minute, pong: 15 * time.Second, idle: 10 * time.Minute, look: time.Second,
}

const (
	// maxStreams is how many calls a connection may have at once.
	maxStreams = 256
	// smallBuffer is what a connection reads into while frames are small.
	smallBuffer = 4 << 10
	// inline is up to how many bytes a message is decided about by whoever reads the connection.
	inline = 64 << 10
)

func (s *Server) newConn(ctx context.Context, c net.Conn) *conn {
	n := &conn{
		Conn: c, server: s, ctx: ctx, in: make([]byte, 0, smallBuffer), streams: map[uint32]*stream{},
		out: out{window: firstWindow, first: firstWindow, resize: true},
	}
	n.decoder = hpack.NewDecoder(tableSize, n.request.field)
	return n
}

// errEnd ends a connection whose peer is told nothing.
var errEnd = errors.New("the connection is over")

// serve answers until the connection ends.
func (c *conn) serve() {
	defer c.over()
	c.began = time.Now()
	c.heard, c.called = c.began, c.began
	err := c.start()
	for err == nil {
		err = c.step()
	}
	if why := noError; errors.As(err, &why) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.out.b = appendGoAway(c.out.b, c.last, why)
		_ = c.flush(time.Now()) // it ends in any case
	}
}

// over closes the connection, whatever ended it, and gives back what its calls held.
func (c *conn) over() {
	if recover() != nil {
		c.server.Panicked()
	}
	_ = c.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, st := range c.streams {
		st.gone = true
		if !st.apart {
			st.free()
		}
	}
}

// start says what the peer has to keep to.
func (c *conn) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.b = appendSettings(c.out.b, settingMaxStreams, maxStreams, settingWindow, streamWindow, settingMaxFields, maxFields)
	c.out.b = appendWindow(c.out.b, 0, connWindow-firstWindow)
	return c.flush(c.began)
}

// step reads once and does what is to be done about it.
func (c *conn) step() error {
	c.compact()
	if err := c.wait(time.Now()); err != nil {
		return err
	}
	n, err := c.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	now := time.Now()
	switch {
	case n > 0:
		err = c.takeIn(now)
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = c.look(now)
	default:
		return errEnd
	}
	if err != nil {
		return err
	}
	return c.decide(now)
}

// compact makes room for the rest of the first frame that is not whole. Nothing is left of calls that shared what was read.
func (c *conn) compact() {
	rest := c.in[c.at:]
	need := smallBuffer
	if _, size, ok := next(rest); !ok {
		need = max(need, size)
	}
	if to := c.in[:0]; need <= cap(to) {
		c.in = append(to, rest...)
	} else {
		c.in = append(make([]byte, 0, headSize+maxFrame), rest...)
	}
	c.at = 0
}

// wait sees to it that reading ends when something has to be looked at. The deadline is set rarely: one that comes too early costs less.
func (c *conn) wait(now time.Time) error {
	p := &c.server.patience
	within := min(p.silence, p.idle)
	c.mu.Lock()
	if !c.settings || len(c.streams) > 0 || !c.unfinished.IsZero() || !c.pinged.IsZero() || !c.ended.IsZero() {
		within = p.look
	}
	c.mu.Unlock()
	if c.due.IsZero() || c.due.Sub(now) > within {
		c.due = now.Add(within)
		if err := c.SetReadDeadline(c.due); err != nil {
			return errEnd
		}
	}
	if c.stopping.Load() && c.ended.IsZero() {
		return c.goAway(now)
	}
	return nil
}

// stop has the connection end once its calls are answered. Any goroutine may call it.
func (c *conn) stop() {
	c.stopping.Store(true)
	_ = c.SetReadDeadline(time.Unix(1, 0)) // a connection that is closed has ended
}

// goAway tells the peer to go.
func (c *conn) goAway(now time.Time) error {
	c.ended, c.due = now, time.Time{}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.b = appendGoAway(c.out.b, c.last, noError)
	if err := c.flush(now); err != nil {
		return err
	}
	if c.due = now.Add(c.server.patience.look); c.SetReadDeadline(c.due) != nil {
		return errEnd
	}
	return nil
}

// look ends what took too long, once the deadline has come.
func (c *conn) look(now time.Time) error {
	c.due = time.Time{}
	p := &c.server.patience
	over := func(since time.Time, patience time.Duration) bool {
		return !since.IsZero() && now.Sub(since) >= patience
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	none := len(c.streams) == 0
	switch {
	case !c.settings && over(c.began, p.start), over(c.unfinished, p.frame), over(c.pinged, p.pong), none && over(c.ended, p.end), over(c.ended, p.end+p.call):
		return errEnd
	case none && over(c.called, p.idle):
		c.stopping.Store(true)
	case c.settings && c.pinged.IsZero() && over(c.heard, p.silence):
		c.pinged = now
		c.out.b = appendPing(c.out.b, 0, []byte("present?"))
	}
	for _, st := range c.streams {
		switch {
		case !over(st.since, p.call):
		case st.state == reading:
			c.refuse(st, Malformed)
		case st.state == answered:
			c.out.b = appendReset(c.out.b, st.id, cancelled)
			c.forget(st)
		}
	}
	return c.flush(now)
}
