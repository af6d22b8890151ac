package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/optup/optup/test/bypass/attack"
)

// answer is one answer, with its content as it came.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// reply is everything that came back on a connection.
type reply struct {
	raw     []byte
	answers []answer
	// late tells that nothing came in time.
	late bool
}

const (
	// patience is how long an answer may take, and impatience how long one to a request that may never end.
	patience   = 5 * time.Second
	impatience = 400 * time.Millisecond
	// behind is how long something may take that nobody has asked for.
	behind  = 15 * time.Millisecond
	maxRead = 8 << 20
)

// send writes bytes to an address and reads what comes back.
func send(addr, protocol, method string, request []byte, odd bool) reply {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return reply{late: true}
	}
	defer func() { _ = c.Close() }()
	wait := patience
	if odd {
		wait = impatience
	}
	_ = c.SetDeadline(time.Now().Add(wait))
	if _, err := c.Write(request); err != nil && !odd {
		return reply{late: true}
	}
	if protocol == attack.HTTP2 {
		return frames(c)
	}
	return messages(c, method)
}

// messages reads answers in HTTP/1 until the connection ends, or nothing more comes. One that never came is waited for once more
// behind a half-close, for a server that still reads.
func messages(c net.Conn, method string) reply {
	var out reply
	var raw bytes.Buffer
	in := bufio.NewReader(io.TeeReader(io.LimitReader(c, maxRead), &raw))
	closed := false
	for {
		if len(out.answers) > 0 {
			_ = c.SetReadDeadline(time.Now().Add(behind))
		}
		res, err := http.ReadResponse(in, &http.Request{Method: method})
		var timeout net.Error
		if err != nil && errors.As(err, &timeout) && timeout.Timeout() && raw.Len() == 0 && !closed {
			closed = true
			_ = c.(*net.TCPConn).CloseWrite()
			_ = c.SetReadDeadline(time.Now().Add(impatience / 2))
			continue
		}
		if err != nil {
			break
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		for name, values := range res.Trailer {
			res.Header["Trailer: "+name] = values
		}
		out.answers = append(out.answers, answer{res.StatusCode, res.Header, body})
		if err != nil || (res.Close && res.StatusCode >= 200) {
			break
		}
	}
	_ = c.SetReadDeadline(time.Now().Add(behind))
	_, _ = io.Copy(io.Discard, in) // through the tee
	out.raw = raw.Bytes()
	out.late = raw.Len() == 0
	return out
}

// frames reads the answer of stream 1 in HTTP/2.
func frames(c net.Conn) reply {
	var out reply
	var text bytes.Buffer
	f := http2.NewFramer(c, c)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	one := answer{header: http.Header{}}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			break
		}
		end := false
		switch x := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, h := range x.Fields {
				text.WriteString(h.Name + ": " + h.Value + "\r\n")
				switch h.Name {
				case ":status":
					one.status = int(h.Value[0]-'0')*100 + int(h.Value[1]-'0')*10 + int(h.Value[2]-'0')
				default:
					one.header.Add(h.Name, h.Value)
				}
			}
			end = x.StreamEnded()
		case *http2.DataFrame:
			one.body = append(one.body, x.Data()...)
			end = x.StreamEnded()
		case *http2.SettingsFrame:
			if !x.IsAck() {
				_ = f.WriteSettingsAck()
			}
		case *http2.PingFrame:
			_ = f.WritePing(true, x.Data)
		case *http2.GoAwayFrame:
			text.Write(x.DebugData())
			end = true
		case *http2.RSTStreamFrame:
			end = true
		}
		if end {
			break
		}
	}
	if one.status > 0 {
		out.answers = []answer{one}
	}
	out.raw = append(text.Bytes(), one.body...)
	out.late = len(out.raw) == 0
	return out
}

// shape is what somebody could tell two answers apart by: status, header fields and length. Time and the decision's number differ
// between any two.
func (r reply) shape() string {
	var b strings.Builder
	for _, a := range r.answers {
		fmt.Fprintf(&b, "%d\n", a.status)
		h := a.header.Clone()
		h.Del("Date")
		h.Del("Optup-Decision")
		_ = h.Write(&b)
		fmt.Fprintf(&b, "%d bytes\n", len(a.body))
	}
	return b.String()
}
