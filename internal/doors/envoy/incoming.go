package envoy

import (
	"encoding/binary"
	"time"
)

const (
	// streamWindow and connWindow are how much may be on its way to a call, and to all calls of a connection.
	streamWindow, connWindow = 1 << 20, 4 << 20
)

// given tells how much more a peer is to be told that it may send, now that so much of what it may came and is out of the way; 0 for nothing
// yet. Nobody is held to a window: what comes is taken in at once, and what is kept of it has other bounds.
func given(taken *int, n, of int) (more int) {
	if *taken += n; *taken < of/4 {
		return 0
	}
	more, *taken = *taken, 0
	return more
}

// takeIn takes in the frames that are whole.
func (c *conn) takeIn(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if missing := len(preface) - c.greeted; missing > 0 {
		n := min(missing, len(c.in)-c.at)
		if string(c.in[c.at:c.at+n]) != preface[c.greeted:c.greeted+n] {
			return errEnd
		}
		c.greeted, c.at = c.greeted+n, c.at+n
	}
	some := false
	for {
		f, size, ok := next(c.in[c.at:])
		if size > headSize+maxFrame {
			return frameSizeError
		}
		if !ok {
			break
		}
		c.at, some = c.at+size, true
		if err := c.take(&f, now); err != nil {
			return err
		}
	}
	if some {
		c.heard, c.pinged = now, time.Time{}
	}
	switch {
	case c.at == len(c.in) && c.block.stream == 0:
		c.unfinished = time.Time{}
	case c.unfinished.IsZero(), some && c.block.stream == 0:
		c.unfinished = now
	}
	if len(c.ready) > 0 {
		return nil // what has to be said goes with the answers
	}
	return c.flush(now)
}

// take takes a frame in.
func (c *conn) take(f *frame, now time.Time) error {
	switch {
	case !c.settings && (f.kind != frameSettings || f.has(flagAck)),
		(c.block.stream != 0) != (f.kind == frameContinuation), c.block.stream != 0 && c.block.stream != f.stream:
		return protocolError
	}
	switch f.kind {
	case frameHeaders, frameContinuation:
		return c.fields(f, now)
	case frameData:
		return c.takeData(f)
	case frameReset:
		return c.takeReset(f)
	case frameWindow:
		return c.takeWindow(f)
	case frameSettings:
		return c.takeSettings(f)
	case framePing:
		return c.takePing(f)
	case framePush:
		return protocolError
	case framePriority:
		if f.stream == 0 {
			return protocolError
		}
	case frameGoAway:
		if f.stream != 0 {
			return protocolError
		}
	}
	return nil // what is not known is to be left alone
}

func (c *conn) takePing(f *frame) error {
	switch {
	case f.stream != 0:
		return protocolError
	case len(f.payload) != 8:
		return frameSizeError
	case !f.has(flagAck):
		c.out.b = appendPing(c.out.b, flagAck, f.payload)
	}
	return nil
}

// takeReset takes note that nobody waits for an answer.
func (c *conn) takeReset(f *frame) error {
	switch st := c.streams[f.stream]; {
	case f.stream == 0 || f.stream > c.last:
		return protocolError
	case len(f.payload) != 4:
		return frameSizeError
	case st == nil:
	case st.state == deciding:
		st.gone = true // it counts until it was decided
	default:
		c.forget(st)
	}
	return nil
}

func (c *conn) takeSettings(f *frame) error {
	switch {
	case f.stream != 0:
		return protocolError
	case f.has(flagAck) && len(f.payload) == 0:
		return nil
	case f.has(flagAck), len(f.payload)%6 != 0:
		return frameSizeError
	}
	c.settings = true
	for b := f.payload; len(b) > 0; b = b[6:] {
		value := binary.BigEndian.Uint32(b[2:])
		switch binary.BigEndian.Uint16(b) {
		case settingTableSize:
			c.out.resize = true
		case settingPush:
			if value > 1 {
				return protocolError
			}
		case settingMaxFrame:
			if value < maxFrame || value >= 1<<24 {
				return protocolError
			}
		case settingWindow:
			if err := c.resizeWindows(value); err != nil {
				return err
			}
		}
	}
	c.out.b = appendHead(c.out.b, 0, frameSettings, flagAck, 0)
	return nil
}

func (c *conn) takeData(f *frame) error {
	if f.stream == 0 || f.stream > c.last {
		return protocolError
	}
	payload, err := f.unpadded()
	if err != nil {
		return err
	}
	if n := given(&c.taken, len(f.payload), connWindow); n > 0 {
		c.out.b = appendWindow(c.out.b, 0, n)
	}
	st := c.streams[f.stream]
	switch {
	case st == nil: // it came while its call ended
	case st.ended:
		c.reset(st, streamClosed)
	case st.state == reading:
		c.data(st, payload, f.has(flagEndStream))
		if n := given(&st.taken, len(f.payload), streamWindow); n > 0 && st.state == reading {
			c.out.b = appendWindow(c.out.b, st.id, n)
		}
	}
	return nil
}

// reset ends a call that broke the rules.
func (c *conn) reset(st *stream, why code) {
	c.out.b = appendReset(c.out.b, st.id, why)
	if st.gone = true; st.state != deciding {
		c.forget(st)
	}
}
