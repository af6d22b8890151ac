package attack

import (
	"fmt"
	"slices"
	"strings"
)

// framingMutators change where a request ends, and what follows it.
var framingMutators = []mutator{
	{"framing: chunked", func(m *maker, q *Request) {
		q.Framing = Chunked
		q.ChunkExtension = pick(m.r, "", "", ";x", `;x="y"`, " ;x=\"\n\"", ";"+strings.Repeat("x", 300))
	}},
	{"framing: trailers", func(m *maker, q *Request) {
		q.Framing = Chunked
		q.Trailers = []Field{pick(m.r, Field{"X-Original-URL", "/v1/export"}, Field{"X-HTTP-Method-Override", "GET"}, Field{"Content-Length", "0"}, Field{"X-Mail-Kind", "news"})}
		if m.r.IntN(2) == 0 {
			q.add("Trailer", q.Trailers[0].Name)
		}
	}},
	{"framing: length and chunks", func(m *maker, q *Request) {
		q.Odd = true
		q.insert(m.r, "Transfer-Encoding", pick(m.r, "chunked", " chunked", "xchunked", "chunked, identity", "identity, chunked", "CHUNKED", "chunked\x0b", "\"chunked\"", "chunked;q=1"))
		q.insert(m.r, "Content-Length", fmt.Sprint(pick(m.r, len(q.Body), 5, 0)))
		q.Body = pick(m.r, "0\r\n\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(q.Body), q.Body)) + m.smuggled(q)
		q.Framing = Unframed
	}},
	{"framing: two lengths", func(m *maker, q *Request) {
		q.Odd = true
		second := pick(m.r, "0", fmt.Sprint(len(q.Body)), "+"+fmt.Sprint(len(q.Body)), "0x10", "1, 2", " 5 ")
		q.insert(m.r, "Content-Length", fmt.Sprint(len(q.Body)))
		q.insert(m.r, m.spell("Content-Length"), second)
		q.Framing = Unframed
		q.Tail = m.smuggled(q)
	}},
	{"framing: a short length", func(m *maker, q *Request) {
		q.Odd = true
		q.Tail = m.smuggled(q)
		q.set("Content-Length", pick(m.r, "0", fmt.Sprint(len(q.Body)/2), fmt.Sprint(len(q.Body))))
	}},
	{"framing: line ends", func(m *maker, q *Request) {
		q.LineEnd = pick(m.r, "\n", "\r", "\r\r\n", "\n\r")
		q.Odd = true
	}},
	{"framing: a bare LF in chunks", func(m *maker, q *Request) {
		q.Odd = true
		q.insert(m.r, "Transfer-Encoding", "chunked")
		q.Framing = Unframed
		q.Body = pick(m.r, fmt.Sprintf("%x\n%s\n0\n\n", len(q.Body), q.Body), fmt.Sprintf("%x;\n%s\r\n0\r\n\r\n", len(q.Body), q.Body), fmt.Sprintf("0x%x\r\n%s\r\n0\r\n\r\n", len(q.Body), q.Body),
			fmt.Sprintf("%x\r\n%s0\r\n\r\n", len(q.Body), q.Body)) + m.smuggled(q)
	}},
	{"framing: pipelined", func(m *maker, q *Request) {
		q.Headers = slices.DeleteFunc(q.Headers, func(f Field) bool { return strings.EqualFold(f.Name, "Connection") })
		q.Tail = m.smuggled(q)
	}},
	{"framing: version", func(m *maker, q *Request) {
		q.Version = pick(m.r, "HTTP/1.0", "HTTP/1.0", "none", "HTTP/1.2", "http/1.1", "HTTP/2.0", "HTTP/0.9", "HTTP/1.1 x", "HTTP/01.1")
		q.Odd = q.Odd || q.Version == "none"
	}},
	{"framing: method", func(m *maker, q *Request) {
		q.Method = pick(m.r, "HEAD", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PUT", "PATCH", "DELETE", "GET", "POST", "get", "Get", "QUERY", "PROPFIND", "GET\t", "SEARCH", "X", "")
	}},
	{"framing: two spaces", func(m *maker, q *Request) { q.Method += pick(m.r, " ", "\t", "\x0b", "\x00") }},
}

// smuggled is another request, for what must not be shown.
func (m *maker) smuggled(*Request) string {
	target := pick(m.r, "/v1/export", "/v1/reports", "/", "/v1/people/"+m.refused().Mail)
	return pick(m.r, "", "", "\r\n", "x") + "GET " + target + " HTTP/1.1\r\nHost: " + pick(m.r, "localhost", "admin.example") + "\r\nConnection: close\r\n\r\n"
}

// twoMutators are for HTTP/2 only: pseudo-header fields are what servers make a request line of.
var twoMutators = []mutator{
	{"frames: path", func(m *maker, q *Request) {
		q.Two.Pseudo = append(q.Two.Pseudo, Field{":path", pick(m.r, "v1/export", "", "*", "http://localhost/v1/export", "/v1/export", "//v1/export", "/v1/templates/x HTTP/1.1\r\nX-Original-URL: /v1/export", "?x", "/v1/templates/../export")})
	}},
	{"frames: method", func(m *maker, q *Request) {
		q.Two.Pseudo = append(q.Two.Pseudo, Field{":method", pick(m.r, "GET", "get", "CONNECT", "GET /v1/export HTTP/1.1\r\nx:", "", "HEAD")})
	}},
	{"frames: authority", func(m *maker, q *Request) {
		q.Two.Pseudo = append(q.Two.Pseudo, Field{":authority", pick(m.r, "admin.example", "ADMIN.example", "", "a@admin.example", "admin.example:80", "localhost\r\nX-Original-URL: /v1/export")})
	}},
	{"frames: scheme", func(m *maker, q *Request) {
		q.Two.Pseudo = append(q.Two.Pseudo, Field{":scheme", pick(m.r, "https", "http://localhost/v1/export?", "", "file")})
	}},
	{"frames: protocol", func(m *maker, q *Request) { q.Two.Pseudo = append(q.Two.Pseudo, Field{":protocol", "websocket"}) }},
	{"frames: late", func(m *maker, q *Request) { q.Two.Late = true }},
	{"frames: cut", func(m *maker, q *Request) { q.Two.Cut = true }},
	{"frames: fields of one connection", func(m *maker, q *Request) {
		f := pick(m.r, Field{"connection", "x-original-url"}, Field{"transfer-encoding", "chunked"}, Field{"upgrade", "h2c"}, Field{"te", "gzip"}, Field{"te", "trailers"},
			Field{"content-length", "0"}, Field{"content-length", "5"}, Field{"host", "admin.example"}, Field{"X-Original-URL", "/v1/export"}, Field{"x y", "1"}, Field{"x:y", "1"}, Field{"", "1"},
			Field{"x", "1\r\nX-Original-URL: /v1/export"}, Field{"cookie", "a=1"})
		q.insert(m.r, f.Name, f.Value)
	}},
}
