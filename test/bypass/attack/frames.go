package attack

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Frames gives the bytes of the request in HTTP/2, the connection's preface among them. The request is stream 1.
func (q *Request) Frames() []byte {
	var out, block bytes.Buffer
	out.WriteString(http2.ClientPreface)
	f := http2.NewFramer(&out, nil)
	f.AllowIllegalWrites = true
	_ = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 8 << 20}) // a buffer takes everything
	_ = f.WriteWindowUpdate(0, 8<<20)
	e := hpack.NewEncoder(&block)
	write := func(fields []Field) {
		for _, x := range fields {
			_ = e.WriteField(hpack.HeaderField{Name: x.Name, Value: x.Value})
		}
	}
	if q.Two.Late {
		write(q.plain())
		write(q.pseudo())
	} else {
		write(q.pseudo())
		write(q.plain())
	}
	head := block.Bytes()
	first := len(head)
	if q.Two.Cut {
		first = len(head) / 2
	}
	_ = f.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: head[:first], EndHeaders: first == len(head), EndStream: q.Body == "" && len(q.Trailers) == 0,
	})
	if first < len(head) {
		_ = f.WriteContinuation(1, true, head[first:])
	}
	for body := []byte(q.Body); len(body) > 0; {
		n := min(len(body), 16_000)
		_ = f.WriteData(1, n == len(body) && len(q.Trailers) == 0, body[:n])
		body = body[n:]
	}
	if len(q.Trailers) > 0 {
		block.Reset()
		for _, x := range q.Trailers {
			_ = e.WriteField(hpack.HeaderField{Name: strings.ToLower(x.Name), Value: x.Value})
		}
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true})
	}
	return out.Bytes()
}

// pseudo gives the pseudo-header fields; a mutator's field stands for the ordinary one, or beside it if it is the second.
func (q *Request) pseudo() []Field {
	host := ""
	for _, f := range q.Headers {
		if strings.EqualFold(f.Name, "Host") {
			host = f.Value
		}
	}
	fields := []Field{{":method", q.Method}, {":scheme", "http"}, {":authority", host}, {":path", q.target()}}
	for _, p := range q.Two.Pseudo {
		at := slices.IndexFunc(fields, func(f Field) bool { return f.Name == p.Name })
		if at >= 0 && len(p.Value)%2 == 0 {
			fields[at] = p
			continue
		}
		fields = append(fields, p)
	}
	return fields
}

// plain gives the other fields, in lower case as HTTP/2 has them but for those that a mutator added so.
func (q *Request) plain() []Field {
	var out []Field
	for _, f := range q.Headers {
		switch name := strings.ToLower(f.Name); name {
		case "host", "connection", "keep-alive", "proxy-connection":
			if f.Value == "close" || f.Value == "localhost" {
				continue
			}
			out = append(out, Field{name, f.Value})
		default:
			out = append(out, Field{name, f.Value})
		}
	}
	return out
}
