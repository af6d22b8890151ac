package stream

import (
	"net"
	"net/http"
	"time"
)

// response is an outlet that answers a request.
type response struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	until   time.Time
}

func (r *response) write(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	if deadline, due := renewed(r.until, r.timeout); due {
		if err := r.control.SetWriteDeadline(deadline); err != nil {
			return err
		}
		r.until = deadline
	}
	if _, err := r.w.Write(raw); err != nil {
		return err
	}
	return r.control.Flush()
}

// connection is an outlet that has its connection for itself.
type connection struct {
	conn    net.Conn
	timeout time.Duration
	until   time.Time
}

func (c *connection) write(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	if deadline, due := renewed(c.until, c.timeout); due {
		if err := c.conn.SetWriteDeadline(deadline); err != nil {
			return err
		}
		c.until = deadline
	}
	_, err := c.conn.Write(raw)
	return err
}

// hasty is an outlet that never waits. What its connection does not take at once is kept for catchUp.
type hasty struct {
	conn    net.Conn
	below   *eager
	timeout time.Duration
	// later are pieces of what was to be written, which nobody changes.
	later [][]byte
}

// record is about as much as TLS encrypts at once, and so the most that is kept of it.
const record = 16 << 10

func (h *hasty) write(raw []byte) error {
	for len(raw) > 0 {
		if h.stuck() {
			h.later = append(h.later, raw)
			return nil
		}
		n := min(len(raw), record)
		if _, err := h.conn.Write(raw[:n]); err != nil {
			return err
		}
		raw = raw[n:]
	}
	return nil
}

func (h *hasty) stuck() bool { return len(h.later) > 0 || h.below.stuck() }

// catchUp waits until everything is written that is kept.
func (h *hasty) catchUp() error {
	if err := h.below.wait(h.timeout); err != nil {
		return err
	}
	patient := connection{conn: h.conn, timeout: h.timeout}
	for _, raw := range h.later {
		if err := patient.write(raw); err != nil {
			return err
		}
	}
	h.later = nil
	return h.below.hurry()
}

// renewed gives the next deadline if the one that is set leaves less than half of the timeout. Setting one for each write costs more than
// many a write.
func renewed(until time.Time, timeout time.Duration) (time.Time, bool) {
	now := time.Now()
	return now.Add(timeout), until.Sub(now) < timeout/2
}
