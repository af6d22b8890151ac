package envoy

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
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
	// Decide answers a check. Metadata are the headers of the call, which Envoy's configuration sets.
	Decide func(ctx context.Context, c *Check, metadata http.Header) Verdict
	// Refuse answers what could not be read, or failed.
	Refuse func(Unreadable) Verdict
	// Ready tells whether checks can be answered by anything but no.
	Ready func() bool
	// Hold takes room for a message of so many bytes; false where there is none.
	Hold func(bytes int64) (release func(), ok bool)
	// Panicked is told that a check ended in a panic; it was denied.
	Panicked func()
}

var (
	grpcType    = []string{"application/grpc"}
	grpcTrailer = []string{"Grpc-Status"}
	grpcOK      = []string{codeOK}
	noDate      = []string(nil)
)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 2 || r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		http.Error(w, "this answers gRPC only: envoy.service.auth.v3.Authorization", http.StatusUnsupportedMediaType)
		return
	}
	switch r.URL.Path {
	case checkPath:
		s.check(w, r)
	case healthPath:
		s.health(w, r)
	default:
		fail(w, codeUnimplemented, "this serves envoy.service.auth.v3.Authorization/Check and grpc.health.v1.Health/Check")
	}
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// maxPooled is up to how many bytes a buffer is used again.
const maxPooled = 64 << 10

func (s *Server) check(w http.ResponseWriter, r *http.Request) {
	until := deadline(r.Header, time.Now())
	b := buffers.Get().(*[]byte)
	defer func() {
		if cap(*b) <= maxPooled {
			buffers.Put(b)
		}
	}()
	release := func() {}
	defer func() { release() }()
	var v Verdict
	c, err := func() (*Check, error) {
		free, err := s.message(r, b)
		if err != nil {
			return nil, err
		}
		release = free
		return read((*b)[prefix:])
	}()
	switch {
	case r.Context().Err() != nil, !until.IsZero() && time.Now().After(until):
		// Whoever asked is gone, so nothing will be sent and nothing is decided.
		fail(w, codeDeadlineExceeded, "the call's time was over before it was read")
		return
	case err != nil:
		v = s.Refuse(reason(err))
	default:
		v = s.decide(r, c)
	}
	out := buffers.Get().(*[]byte)
	defer buffers.Put(out)
	*out = v.append(append((*out)[:0], 0, 0, 0, 0, 0))
	answer(w, *out)
}

// decide survives what goes wrong.
func (s *Server) decide(r *http.Request, c *Check) (v Verdict) {
	defer func() {
		if recover() != nil {
			s.Panicked()
			v = s.Refuse(Malformed)
		}
	}()
	return s.Decide(r.Context(), c, r.Header)
}

var (
	errTooLarge = errors.New("the message is too large")
	errBusy     = errors.New("too much is held")
)

func reason(err error) Unreadable {
	switch {
	case errors.Is(err, errTooLarge):
		return TooLarge
	case errors.Is(err, errBusy):
		return Busy
	default:
		return Malformed
	}
}

// message reads the one message of a unary call, with its prefix.
func (s *Server) message(r *http.Request, into *[]byte) (release func(), err error) {
	b := (*into)[:prefix]
	if _, err := io.ReadFull(r.Body, b); err != nil {
		return nil, errMalformed
	}
	size := int(binary.BigEndian.Uint32(b[1:]))
	switch {
	case b[0] != 0: // compressed
		return nil, errMalformed
	case size > maxMessage:
		return nil, errTooLarge
	}
	if release = func() {}; size > cap(b)-prefix {
		free, ok := s.Hold(int64(size))
		if !ok {
			return nil, errBusy
		}
		release = free
		b = append(make([]byte, 0, prefix+size), b...)
	}
	b = b[:prefix+size]
	*into = b
	if _, err := io.ReadFull(r.Body, b[prefix:]); err != nil {
		release()
		return nil, errMalformed
	}
	var more [1]byte
	if n, err := r.Body.Read(more[:]); n > 0 || !errors.Is(err, io.EOF) { // one message, and its end
		release()
		return nil, errMalformed
	}
	return release, nil
}

// health answers by the health checking protocol of gRPC.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	b := make([]byte, 0, 256)
	about := ""
	_, err := s.message(r, &b)
	if err == nil {
		err = fields(b[prefix:], func(f field) error {
			if f.number == 1 {
				about = string(f.bytes)
			}
			return nil
		})
	}
	if err != nil || (about != "" && about != service) {
		fail(w, codeNotFound, "this knows "+service)
		return
	}
	status := uint64(2) // NOT_SERVING
	if s.Ready() {
		status = 1
	}
	answer(w, protowire.AppendVarint(protowire.AppendTag([]byte{0, 0, 0, 0, 0}, 1, protowire.VarintType), status))
}

// answer writes a message that has room for its prefix, and the status OK.
func answer(w http.ResponseWriter, b []byte) {
	binary.BigEndian.PutUint32(b[1:], uint32(len(b)-prefix)) //nolint:gosec // small
	h := w.Header()
	h["Content-Type"], h["Trailer"], h["Date"] = grpcType, grpcTrailer, noDate
	_, _ = w.Write(b)
	h["Grpc-Status"] = grpcOK
}

// fail ends a call with a status and no message.
func fail(w http.ResponseWriter, code, text string) {
	h := w.Header()
	h["Content-Type"], h["Grpc-Status"], h["Grpc-Message"] = grpcType, []string{code}, []string{text}
	w.WriteHeader(http.StatusOK)
}

// units are those of grpc-timeout.
var units = map[byte]time.Duration{
	'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
}

// deadline is when whoever asks stops waiting; zero for never, or for what cannot be read.
func deadline(h http.Header, now time.Time) time.Time {
	text := h.Get("Grpc-Timeout")
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
