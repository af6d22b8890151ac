package envoy

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// Verdict is the answer to a check.
type Verdict struct {
	// Allow lets the request pass. Remove are headers that do not go with it, Request those that do besides, Response those that the answer
	// to it gets.
	Allow             bool
	Remove            []string
	Request, Response []Header
	// Status and Body are the answer instead, of problem JSON, to a request that does not pass.
	Status int
	Body   []byte
}

// Header is one header.
type Header struct{ Name, Value string }

// overwrite is HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD.
const overwrite = 2

// permissionDenied is google.rpc.Code.PERMISSION_DENIED.
const permissionDenied = 7

// append writes a CheckResponse. Numbers are those of envoy.service.auth.v3.
func (v *Verdict) append(b []byte) []byte {
	if v.Allow {
		b = message(b, 1, func(b []byte) []byte { return b }) // status: OK
		return message(b, 3, func(b []byte) []byte {
			b = headers(b, 2, v.Request)
			for _, name := range v.Remove {
				b = text(b, 5, name)
			}
			return headers(b, 6, v.Response)
		})
	}
	b = message(b, 1, func(b []byte) []byte { return number(b, 1, permissionDenied) })
	return message(b, 2, func(b []byte) []byte {
		b = message(b, 1, func(b []byte) []byte { return number(b, 1, v.Status) })
		b = headers(b, 2, v.Response)
		return protowire.AppendBytes(protowire.AppendTag(b, 3, protowire.BytesType), v.Body)
	})
}

// headers writes HeaderValueOptions.
func headers(b []byte, n protowire.Number, all []Header) []byte {
	for _, h := range all {
		b = message(b, n, func(b []byte) []byte {
			b = message(b, 1, func(b []byte) []byte { return text(text(b, 1, h.Name), 2, h.Value) })
			return number(b, 3, overwrite)
		})
	}
	return b
}

func text(b []byte, n protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
}

func number(b []byte, n protowire.Number, v int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(v)) //nolint:gosec // statuses
}

// message writes a message within a field.
func message(b []byte, n protowire.Number, write func([]byte) []byte) []byte {
	b = protowire.AppendTag(b, n, protowire.BytesType)
	at := len(b)
	b = write(b)
	size := len(b) - at
	b = protowire.AppendVarint(b, uint64(size)) //nolint:gosec // a length
	room := len(b) - at - size
	// The length goes before what was written.
	var length [10]byte
	copy(length[:], b[at+size:])
	copy(b[at+room:], b[at:at+size])
	copy(b[at:], length[:room])
	return b
}
