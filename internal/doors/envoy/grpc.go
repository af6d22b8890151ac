package envoy

import (
	"context"
	"encoding/binary"
	"math"
	"strconv"
	"sync"
	"time"
)

const (
	checkPath  = "/envoy.service.auth.v3.Authorization/Check"
	healthPath = "/grpc.health.v1.Health/Check"
	service    = "envoy.service.auth.v3.Authorization"

	// maxMessage bounds a message in bytes: the largest body that is checked, and headers.
	maxMessage = 17 << 20
	prefix     = 5
)

// Statuses of gRPC.
const (
	codeOK               = "0"
	codeDeadlineExceeded = "4"
	codeNotFound         = "5"
	codeUnimplemented    = "12"
)

// Unreadable tells why a check could not be read.
type Unreadable int

// Why a check could not be read: it is none, it is too large, or memory is short.
const (
	Malformed Unreadable = iota
	TooLarge
	Busy
)

// Server answers checks. Set its fields before the first.
type Server struct {
	// Decide answers a check. Metadata are the headers of the call, which Envoy's configuration sets. Neither they nor what c holds is there
	// once it returns.
	Decide func(ctx context.Context, c *Check, metadata Metadata) Verdict
	// Refuse answers what could not be read, or failed.
	Refuse func(Unreadable) Verdict
	// Ready tells whether checks can be answered by anything but no.
	Ready func() bool
	// Hold takes room for a message of so many bytes; false where there is none.
	Hold func(bytes int64) (release func(), ok bool)
	// Panicked is told that a check ended in a panic; it was denied.
	Panicked func()

	patience patience
	// calls are those that goroutines of their own decide.
	calls sync.WaitGroup
}

// reply answers a call, in room that it gives back.
func (s *Server) reply(ctx context.Context, st *stream, room []byte) (r reply, used []byte) {
	switch {
	case !st.until.IsZero() && time.Now().After(st.until):
		// Whoever asked is gone, so nothing will be sent and nothing is decided.
		return reply{failed: failed(codeDeadlineExceeded, "the time of the call was over before it was read")}, room
	case st.health:
		return s.answerHealth(st, room)
	}
	v := s.check(ctx, st)
	return whole(v.append(begun(room)))
}

// check decides, and survives what goes wrong.
func (s *Server) check(ctx context.Context, st *stream) (v Verdict) {
	if st.unreadable {
		return s.Refuse(st.refused)
	}
	defer func() {
		if recover() != nil {
			s.Panicked()
			v = s.Refuse(Malformed)
		}
	}()
	c, err := read(st.message)
	if err != nil {
		return s.Refuse(Malformed)
	}
	return s.Decide(ctx, c, st.metadata)
}

// answerHealth answers by the health checking protocol of gRPC.
func (s *Server) answerHealth(st *stream, room []byte) (reply, []byte) {
	about := ""
	err := fields(st.message, func(f field) error {
		if f.number == 1 {
			about = string(f.bytes)
		}
		return nil
	})
	if st.unreadable || err != nil || (about != "" && about != service) {
		return reply{failed: failed(codeNotFound, "this knows "+service)}, room
	}
	status := 2 // NOT_SERVING
	if s.Ready() {
		status = 1
	}
	return whole(number(begun(room), 1, status))
}

// begun leaves room for the prefix of a message.
func begun(b []byte) []byte { return append(b, 0, 0, 0, 0, 0) }

// whole makes a reply of a message that has room for its prefix.
func whole(b []byte) (reply, []byte) {
	binary.BigEndian.PutUint32(b[1:], uint32(len(b)-prefix)) //nolint:gosec // small
	return reply{message: b}, b
}

// units are those of grpc-timeout.
var units = map[byte]time.Duration{
	'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
}

// deadline is when whoever asks stops waiting; zero for never, or for what cannot be read.
func deadline(text string, now time.Time) time.Time {
	if len(text) < 2 || len(text) > 9 {
		return time.Time{}
	}
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	unit := units[text[len(text)-1]]
	if err != nil || unit == 0 || n > uint64(math.MaxInt64/unit) {
		return time.Time{}
	}
	return now.Add(time.Duration(n) * unit) //nolint:gosec // it was looked at
}
