package envoy

import (
	"encoding/binary"
	"fmt"
)

// Frames of HTTP/2 (RFC 9113 §6).
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	framePriority     = 0x2
	frameReset        = 0x3
	frameSettings     = 0x4
	framePush         = 0x5
	framePing         = 0x6
	frameGoAway       = 0x7
	frameWindow       = 0x8
	frameContinuation = 0x9

	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20

	headSize = 9
	// maxFrame is the size of a payload that neither side has to exceed, and neither does.
	maxFrame = 16 << 10
	// firstWindow is what may be sent before anything was agreed.
	firstWindow = 65535
	maxWindow   = 1<<31 - 1
)

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Settings (RFC 9113 §6.5.2).
const (
	settingTableSize  = 0x1
	settingPush       = 0x2
	settingMaxStreams = 0x3
	settingWindow     = 0x4
	settingMaxFrame   = 0x5
	settingMaxFields  = 0x6
)

// code is why a stream or a connection ends (RFC 9113 §7). As an error it ends the connection.
type code uint32

const (
	noError          code = 0x0
	protocolError    code = 0x1
	internalError    code = 0x2
	flowControlError code = 0x3
	streamClosed     code = 0x5
	frameSizeError   code = 0x6
	refusedStream    code = 0x7
	cancelled        code = 0x8
	compressionError code = 0x9
	enhanceYourCalm  code = 0xb
)

// Error implements error.
func (c code) Error() string {
	return fmt.Sprintf("the connection ends with the code %d of HTTP/2", uint32(c))
}

// frame is one frame. Its payload is part of the buffer that was read into.
type frame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

func (f *frame) has(flag byte) bool { return f.flags&flag != 0 }

// next gives the first frame of what was read and its whole size; ok is false while it is not all there.
func next(b []byte) (f frame, size int, ok bool) {
	if len(b) < headSize {
		return f, headSize, false
	}
	size = headSize + (int(b[0])<<16 | int(b[1])<<8 | int(b[2]))
	f.kind, f.flags, f.stream = b[3], b[4], binary.BigEndian.Uint32(b[5:])&maxWindow
	if len(b) < size {
		return f, size, false
	}
	f.payload = b[headSize:size]
	return f, size, true
}

// unpadded takes the padding off (RFC 9113 §6.1).
func (f *frame) unpadded() (payload []byte, err error) {
	if !f.has(flagPadded) {
		return f.payload, nil
	}
	if len(f.payload) == 0 || int(f.payload[0]) >= len(f.payload) {
		return nil, protocolError
	}
	return f.payload[1 : len(f.payload)-int(f.payload[0])], nil
}

// appendHead writes the head of a frame.
func appendHead(b []byte, size int, kind, flags byte, stream uint32) []byte {
	return append(b, byte(size>>16), byte(size>>8), byte(size), kind, flags, byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

func appendReset(b []byte, stream uint32, why code) []byte {
	return binary.BigEndian.AppendUint32(appendHead(b, 4, frameReset, 0, stream), uint32(why))
}

func appendGoAway(b []byte, last uint32, why code) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(appendHead(b, 8, frameGoAway, 0, 0), last), uint32(why))
}

func appendWindow(b []byte, stream uint32, by int) []byte {
	return binary.BigEndian.AppendUint32(appendHead(b, 4, frameWindow, 0, stream), uint32(by)) //nolint:gosec // within a window
}

func appendPing(b []byte, flags byte, data []byte) []byte {
	return append(appendHead(b, len(data), framePing, flags, 0), data...)
}

// appendSettings writes pairs of a setting and its value.
func appendSettings(b []byte, pairs ...uint32) []byte {
	b = appendHead(b, len(pairs)*3, frameSettings, 0, 0)
	for i := 0; i+1 < len(pairs); i += 2 {
		b = binary.BigEndian.AppendUint16(b, uint16(pairs[i])) //nolint:gosec // a setting
		b = binary.BigEndian.AppendUint32(b, pairs[i+1])
	}
	return b
}
