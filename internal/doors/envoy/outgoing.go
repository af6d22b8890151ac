package envoy

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"
)

// maxOut is how much waits to be written at most, but for what is added at once.
const maxOut = 64 << 10

// out is what goes out, and how much of it the peer takes.
type out struct {
	b []byte
	// window is how much of all bodies the peer takes, first how much of each from the beginning on.
	window, first int64
	// resize tells that the peer changed what an encoder may have it remember, which is to be answered (RFC 7541 §4.2): nothing.
	resize bool
	// until is the deadline for writing.
	until time.Time
}

// Fields of answers, encoded without a reference to earlier ones (RFC 7541 §6.1, §6.2.2).
const (
	statusOK  = "\x88"
	status415 = "\x08\x03415"
	grpcType  = "\x0f\x10\x10application/grpc"
	resized   = "\x20"
)

func literal(name, value string) string {
	return "\x00" + string(rune(len(name))) + name + string(rune(len(value))) + value
}

var succeeded = literal("grpc-status", codeOK)

// failed gives the fields of a status and a text of less than 127 bytes.
func failed(code, text string) []byte {
	return []byte(literal("grpc-status", code) + literal("grpc-message", text))
}

func (o *out) fields(id uint32, flags byte, parts ...string) {
	at := len(o.b)
	o.b = appendHead(o.b, 0, frameHeaders, flags|flagEndHeaders, id)
	if o.resize {
		o.resize = false
		o.b = append(o.b, resized...)
	}
	for _, p := range parts {
		o.b = append(o.b, p...)
	}
	size := len(o.b) - at - headSize
	o.b[at], o.b[at+1], o.b[at+2] = byte(size>>16), byte(size>>8), byte(size)
}

// fail ends a call without a message. A peer that has not sent everything need not go on.
func (o *out) fail(id uint32, ended bool, status string, more []byte) {
	o.fields(id, flagEndStream, status, grpcType, string(more))
	if !ended {
		o.b = appendReset(o.b, id, noError)
	}
}

// reply is the answer to a call: a message with its prefix, or else fields that say why there is none.
type reply struct {
	message []byte
	failed  []byte
}

// decide answers the calls that are whole.
func (c *conn) decide(now time.Time) error {
	if len(c.ready) == 0 {
		return nil
	}
	for _, st := range c.ready {
		if !st.gone && len(st.message) > inline {
			st.apart = true
			c.server.calls.Go(func() { c.decideApart(st) })
			continue
		}
		var r reply
		if !st.gone {
			r, c.answer = c.server.reply(c.ctx, st, c.answer[:0])
		}
		if err := c.reply(st, &r, now); err != nil {
			return err
		}
	}
	clear(c.ready)
	c.ready = c.ready[:0]
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flush(now)
}

// reply has an answer go out with the next ones.
func (c *conn) reply(st *stream, r *reply, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.send(st, r, now)
	if len(c.out.b) < maxOut {
		return nil
	}
	return c.flush(now)
}

// decideApart answers a call while the connection goes on.
func (c *conn) decideApart(st *stream) {
	defer func() {
		if recover() != nil {
			c.server.Panicked()
			_ = c.Close()
			c.mu.Lock()
			defer c.mu.Unlock()
			st.free()
		}
	}()
	r, _ := c.server.reply(c.ctx, st, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.send(st, &r, now)
	if c.flush(now) != nil {
		_ = c.Close() // which its reader notices
	}
}

// send answers a call.
func (c *conn) send(st *stream, r *reply, now time.Time) {
	switch {
	case st.gone:
		c.forget(st)
	case r.message == nil:
		c.out.fail(st.id, st.ended, statusOK, r.failed)
		c.forget(st)
	default:
		st.state, st.since = answered, now
		st.free()
		c.out.fields(st.id, 0, statusOK, grpcType)
		if rest := c.body(st, r.message); len(rest) > 0 {
			st.rest = append(st.rest, rest...)
		}
	}
}

// body sends on as much as the peer takes, and gives the rest; once there is none the call is over.
func (c *conn) body(st *stream, b []byte) (rest []byte) {
	for len(b) > 0 {
		n := int(min(int64(len(b)), maxFrame, c.out.window, st.window))
		if n <= 0 {
			return b
		}
		c.out.b = append(appendHead(c.out.b, n, frameData, 0, st.id), b[:n]...)
		c.out.window -= int64(n)
		st.window -= int64(n)
		b = b[n:]
	}
	c.out.fields(st.id, flagEndStream, succeeded)
	if !st.ended {
		c.out.b = appendReset(c.out.b, st.id, noError)
	}
	c.forget(st)
	return nil
}

// goOn sends on in a call that waited.
func (c *conn) goOn(st *stream) {
	if st.state != answered {
		return
	}
	if rest := c.body(st, st.rest); len(rest) > 0 {
		st.rest = append(st.rest[:0], rest...)
	}
}

// takeWindow takes note that the peer takes more.
func (c *conn) takeWindow(f *frame) error {
	switch {
	case f.stream > c.last:
		return protocolError
	case len(f.payload) != 4:
		return frameSizeError
	}
	by := int64(binary.BigEndian.Uint32(f.payload) & maxWindow)
	if f.stream != 0 {
		switch st := c.streams[f.stream]; {
		case st == nil:
		case by == 0:
			c.reset(st, protocolError)
		case st.window+by > maxWindow:
			c.reset(st, flowControlError)
		default:
			st.window += by
			c.goOn(st)
		}
		return nil
	}
	switch {
	case by == 0:
		return protocolError
	case c.out.window+by > maxWindow:
		return flowControlError
	}
	c.out.window += by
	c.allGoOn()
	return nil
}

// allGoOn looks at all calls that wait, the oldest first.
func (c *conn) allGoOn() {
	if len(c.streams) == 0 {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(c.streams)) {
		c.goOn(c.streams[id])
	}
}

// resizeWindows changes how much the peer takes of each body from the beginning on (RFC 9113 §6.9.2).
func (c *conn) resizeWindows(to uint32) error {
	by := int64(to) - c.out.first
	if to > maxWindow {
		return flowControlError
	}
	c.out.first = int64(to)
	for _, st := range c.streams {
		if st.window += by; st.window > maxWindow {
			return flowControlError
		}
	}
	c.allGoOn()
	return nil
}

// flush writes what there is. A peer that does not take it in time is given up.
func (c *conn) flush(now time.Time) error {
	if len(c.out.b) == 0 {
		return nil
	}
	write := c.server.patience.write
	if c.out.until.Sub(now) < write-c.server.patience.look {
		c.out.until = now.Add(write)
		if c.SetWriteDeadline(c.out.until) != nil {
			return errEnd
		}
	}
	_, err := c.Write(c.out.b)
	if c.out.b = c.out.b[:0]; cap(c.out.b) > maxOut {
		c.out.b = nil
	}
	if err != nil {
		return errEnd
	}
	return nil
}
