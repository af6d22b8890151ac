package envoy

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2/hpack"
)

const (
	// maxFields bounds the fields of a request as RFC 9113 §6.5.2 counts them, and the bytes that they come in.
	maxFields = 64 << 10
	// maxPieces bounds the frames that a block of fields comes in: of the size that frames may have four would do.
	maxPieces = 16
	// tableSize is what an encoder may have us remember, in bytes.
	tableSize = 4 << 10
)

// Metadata are the headers of a call, with names in lower case.
type Metadata []Header

// Get gives the first value of a name, or nothing.
func (m Metadata) Get(name string) string {
	if i := slices.IndexFunc(m, func(h Header) bool { return h.Name == name }); i >= 0 {
		return m[i].Value
	}
	return ""
}

// request is the head of a request.
type request struct {
	method, scheme, path, authority string
	metadata                        Metadata
	size                            int
	// malformed tells that the fields are no request (RFC 9113 §8.2, §8.3), large that there were more than are kept.
	malformed, large bool
}

// reset makes it one of which nothing is known, and keeps its room.
func (r *request) reset() {
	clear(r.metadata)
	*r = request{metadata: r.metadata[:0]}
}

// field takes the next field.
func (r *request) field(f hpack.HeaderField) {
	if r.size += int(f.Size()); r.size > maxFields {
		r.large = true
	}
	switch {
	case r.large:
		return
	case !valid(f.Name, f.Value):
		r.malformed = true
	case f.Name[0] == ':':
		r.pseudo(f.Name, f.Value)
	case f.Name == "connection", f.Name == "keep-alive", f.Name == "proxy-connection", f.Name == "transfer-encoding", f.Name == "upgrade",
		f.Name == "te" && f.Value != "trailers":
		r.malformed = true
	default:
		r.metadata = append(r.metadata, Header{f.Name, f.Value})
	}
}

func (r *request) pseudo(name, value string) {
	var into *string
	switch name {
	case ":method":
		into = &r.method
	case ":scheme":
		into = &r.scheme
	case ":path":
		into = &r.path
	case ":authority":
		into = &r.authority
	}
	if into == nil || *into != "" || len(r.metadata) > 0 || (value == "" && name != ":authority") {
		r.malformed = true
		return
	}
	*into = value
}

// valid tells whether a name and a value have no characters that other protocols would take for their end (RFC 9113 §8.2.1).
func valid(name, value string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || (c >= 'A' && c <= 'Z') || (c == ':' && i > 0) {
			return false
		}
	}
	return name != "" && !strings.ContainsAny(value, "\x00\r\n")
}

// whole tells whether this is a request.
func (r *request) whole() bool {
	return !r.malformed && (r.large || (r.method != "" && r.scheme != "" && r.path != ""))
}

// grpc tells whether this is a call of gRPC.
func (r *request) grpc() bool {
	rest, ok := strings.CutPrefix(r.metadata.Get("content-type"), "application/grpc")
	return ok && r.method == "POST" && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

// block is a block of fields that comes in several frames; of stream 0 if there is none.
type block struct {
	stream uint32
	ends   bool
	pieces int
	bytes  []byte
}

// fields takes a frame with fields in.
func (c *conn) fields(f *frame, now time.Time) error {
	b := f.payload
	if f.kind == frameHeaders {
		if f.stream%2 == 0 {
			return protocolError
		}
		var err error
		if b, err = f.unpadded(); err != nil {
			return err
		}
		if f.has(flagPriority) {
			if len(b) < 5 {
				return frameSizeError
			}
			b = b[5:]
		}
		if f.has(flagEndHeaders) {
			return c.decoded(f.stream, f.has(flagEndStream), b, now)
		}
		c.block = block{stream: f.stream, ends: f.has(flagEndStream), bytes: c.block.bytes[:0]}
	}
	if c.block.pieces++; c.block.pieces > maxPieces || len(c.block.bytes)+len(b) > maxFields {
		return enhanceYourCalm
	}
	c.block.bytes = append(c.block.bytes, b...)
	if !f.has(flagEndHeaders) {
		return nil
	}
	whole := c.block
	c.block = block{bytes: whole.bytes}
	if cap(whole.bytes) > smallBuffer {
		c.block.bytes = nil
	}
	return c.decoded(whole.stream, whole.ends, whole.bytes, now)
}

// decoded reads a block of fields. Each has to be read, whatever becomes of it: later ones refer to it.
func (c *conn) decoded(id uint32, ends bool, b []byte, now time.Time) error {
	r := &c.request
	r.reset()
	_, err := c.decoder.Write(b)
	if err != nil || c.decoder.Close() != nil {
		return compressionError
	}
	if id <= c.last {
		c.trailers(id, ends)
		return nil
	}
	c.last, c.called = id, now
	length, err := r.length()
	switch {
	case !c.ended.IsZero(), len(c.streams) >= maxStreams:
		c.out.b = appendReset(c.out.b, id, refusedStream)
	case !r.whole(), err != nil:
		c.out.b = appendReset(c.out.b, id, protocolError)
	case r.large:
		st := c.open(id, now)
		st.ended = ends
		c.refuse(st, TooLarge)
	case !r.grpc():
		c.out.fail(id, ends, status415, nil)
	case r.path != checkPath && r.path != healthPath:
		c.out.fail(id, ends, statusOK, failed(codeUnimplemented, "this serves envoy.service.auth.v3.Authorization/Check and grpc.health.v1.Health/Check"))
	default:
		st := c.open(id, now)
		st.length = length
		if ends {
			c.data(st, nil, true)
		}
	}
	return nil
}

// trailers end a request. Nothing is done about what stands in them.
func (c *conn) trailers(id uint32, ends bool) {
	switch st := c.streams[id]; {
	case st == nil: // they came while the call ended
	case st.ended:
		c.reset(st, streamClosed)
	case !ends:
		c.reset(st, protocolError)
	case st.state == reading:
		c.data(st, nil, true)
	default:
		st.ended = true
	}
}

// length is what a request says about the size of its body; -1 if it says nothing.
func (r *request) length() (int64, error) {
	text := r.metadata.Get("content-length")
	if text == "" {
		return -1, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err //nolint:gosec // of 63 bits
}
