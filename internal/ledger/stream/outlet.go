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

// renewed gives the next deadline if the one that is set leaves less than half of the timeout. Setting one for each write costs more than
// many a write.
func renewed(until time.Time, timeout time.Duration) (time.Time, bool) {
	now := time.Now()
	return now.Add(timeout), until.Sub(now) < timeout/2
}
