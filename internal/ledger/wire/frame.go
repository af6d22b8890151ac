package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Type is the type of a frame.
type Type byte

// Types of frames, in the order in which a stream sends them. A stream begins with one TypeHello, and goes on with one snapshot or with
// TypeResumed.
const (
	// TypeHello carries Hello.
	TypeHello Type = 1
	// TypeSnapshotBegin has no payload. Everything known about people is repeated until TypeSnapshotEnd.
	TypeSnapshotBegin Type = 2
	// TypePeople carries people of a snapshot, see AppendPerson.
	TypePeople Type = 3
	// TypeSnapshotEnd carries At: the position at which the snapshot was taken.
	TypeSnapshotEnd Type = 4
	// TypeChange carries Change. Its position is one more than that of what came before.
	TypeChange Type = 5
	// TypePosition carries At: what happened up to there and was not sent does not concern the subscriber.
	TypePosition Type = 6
	// TypeHeartbeat has no payload.
	TypeHeartbeat Type = 7
	// TypeFacts carries combinations of facts that people of the snapshot have, see AppendFacts. Each is numbered, from 0, in the order in
	// which they come; people name the number of one that came before.
	TypeFacts Type = 8
	// TypeResumed carries At: the position that the subscriber said it holds. What follows follows that; there is no snapshot.
	TypeResumed Type = 9
	// TypePong carries Pong, the answer to a TypePing of this connection.
	TypePong Type = 10
	// TypeAsk carries At: the ledger wants a ping as soon as that position has been applied.
	TypeAsk Type = 11
	// TypePing carries Ping. It goes from the subscriber to the ledger, on connections that carry frames both ways (see Protocol).
	TypePing Type = 16
	// Critical is the first type that a reader must not ignore.
	Critical Type = 128
)

// MaxPayload bounds the payload of a frame in bytes.
const MaxPayload = 8 << 20

const headerSize = 5

// ErrFrame reports bytes that are no frame, or a payload that is not what its type carries.
var ErrFrame = errors.New("malformed frame")

// Append appends a frame to dst whose payload is JSON. A nil payload stands for none.
func Append(dst []byte, t Type, payload any) ([]byte, error) {
	var body []byte
	if payload != nil {
		var err error
		if body, err = json.Marshal(payload); err != nil {
			return dst, fmt.Errorf("a frame of type %d cannot be written: %w", t, err)
		}
	}
	return AppendRaw(dst, t, body)
}

// AppendRaw appends a frame to dst.
func AppendRaw(dst []byte, t Type, body []byte) ([]byte, error) {
	if len(body) > MaxPayload {
		return dst, fmt.Errorf("%w: type %d with %d bytes, at most %d", ErrFrame, t, len(body), MaxPayload)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(body)))
	return append(append(dst, byte(t)), body...), nil
}

// Reader reads frames. It is for one goroutine.
type Reader struct {
	from io.Reader
	body []byte
}

// NewReader returns a reader; from should be buffered.
func NewReader(from io.Reader) *Reader { return &Reader{from: from} }

// Next reads one frame. The payload is valid until the next call. It gives io.EOF at the end of the stream, io.ErrUnexpectedEOF
// for a stream that was cut within a frame, and ErrFrame for a frame that is too long.
func (r *Reader) Next() (Type, []byte, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r.from, header[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(header[:4])
	if n > MaxPayload {
		return 0, nil, fmt.Errorf("%w: %d bytes, at most %d", ErrFrame, n, MaxPayload)
	}
	if cap(r.body) < int(n) {
		r.body = make([]byte, n)
	}
	r.body = r.body[:n]
	if _, err := io.ReadFull(r.from, r.body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return Type(header[4]), r.body, nil
}

// Decode reads a payload. Errors wrap ErrFrame and never show the payload.
func Decode[T any](payload []byte) (T, error) {
	var v T
	if err := json.Unmarshal(payload, &v); err != nil {
		return v, fmt.Errorf("%w: the payload is not what its type carries", ErrFrame)
	}
	return v, nil
}

// ReadSmall reads one frame of at most so many bytes of payload, and no byte beyond. It fails as Reader.Next does.
func ReadSmall(from io.Reader, most int) (Type, []byte, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(from, header[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(header[:4])
	if uint64(n) > uint64(most) {
		return 0, nil, fmt.Errorf("%w: %d bytes, at most %d", ErrFrame, n, most)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(from, body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return Type(header[4]), body, nil
}
