package attack

import (
	"fmt"
	"strings"
)

// elsewhere are targets that nobody declared.
var elsewhere = []string{"/v1/export", "/v1/reports", "/", "http://localhost/v1/export", "v1/export", "/v1/customers"}

// headerMutators add what servers or gateways act on.
var headerMutators = []mutator{
	{"header: another method", func(m *maker, q *Request) {
		q.insert(m.r, m.spell("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"), pick(m.r, "GET", "get", "PUT", "DELETE"))
	}},
	{"header: another path", func(m *maker, q *Request) {
		q.insert(m.r, m.spell("X-Original-URL", "X-Rewrite-URL"), pick(m.r, elsewhere...))
	}},
	{"header: another host", func(m *maker, q *Request) {
		name := m.spell("X-Forwarded-Host", "X-Host", "X-Original-Host", "X-Forwarded-Server", "Forwarded", "Host")
		value := "admin.example"
		if strings.EqualFold(name, "Forwarded") {
			value = pick(m.r, "host=admin.example", `for=1.2.3.4;host="admin.example"`, "HOST=ADMIN.example")
		}
		q.insert(m.r, name, value)
	}},
	{"header: the host is another", func(m *maker, q *Request) {
		q.set("Host", pick(m.r, "admin.example", "ADMIN.example", "admin.localhost", "admin.example:80", "localhost.", "localhost:81", "", "a, admin.example", "admin.example@localhost"))
	}},
	{"header: another type", func(m *maker, q *Request) {
		q.insert(m.r, "Accept", pick(m.r, "text/html", "text/csv", "application/xml", "application/x-ndjson", "text/event-stream", "application/problem+json",
			"*/*;q=0.1, text/html"))
	}},
	{"header: another charset", func(m *maker, q *Request) {
		charset := pick(m.r, "utf-16", "utf-7", "UTF-16LE", "utf-32", "ibm037")
		if m.r.IntN(2) == 0 {
			q.insert(m.r, "Accept", "application/json; charset="+charset)
			return
		}
		q.insert(m.r, m.spell("Accept-Charset"), charset)
	}},
	{"header: a coding", func(m *maker, q *Request) {
		q.insert(m.r, m.spell("Accept-Encoding"), pick(m.r, "gzip", "deflate", "br", "gzip, br", "GZIP", "identity;q=0, *", "x-gzip", "zstd, gzip;q=0.5"))
	}},
	{"header: a range", func(m *maker, q *Request) {
		from := m.r.IntN(4000)
		q.insert(m.r, m.spell("Range"), pick(m.r, fmt.Sprintf("bytes=%d-%d", from, from+m.r.IntN(200)), fmt.Sprintf("bytes=%d-", from), fmt.Sprintf("bytes=-%d", 1+from),
			fmt.Sprintf("bytes=0-1,%d-%d", from, from+99), fmt.Sprintf("Bytes=%d-", from)))
	}},
	{"header: a condition", func(m *maker, q *Request) {
		f := pick(m.r, Field{"If-None-Match", "*"}, Field{"If-Modified-Since", "Mon, 02 Mar 2026 10:00:00 GMT"}, Field{"If-None-Match", `"x", *`},
			Field{"If-Range", `"x"`}, Field{"If-Match", `"x"`}, Field{"If-Unmodified-Since", "Mon, 02 Mar 2020 10:00:00 GMT"})
		q.insert(m.r, m.spell(f.Name), f.Value)
	}},
	{"header: debug", func(m *maker, q *Request) { q.insert(m.r, m.spell("X-Debug"), "1") }},
	{"header: connection names another", func(m *maker, q *Request) {
		q.set("Connection", "close, "+pick(m.r, "X-Mail-Kind", "Content-Type", "Accept-Encoding", "Host", "Content-Length", "X-Original-URL", "Range"))
	}},
	{"header: another kind", func(m *maker, q *Request) {
		q.insert(m.r, m.spell("X-Mail-Kind"), pick(m.r, "news", "invoice", "news, invoice", "invoice, news"))
	}},
	{"header: upgrade", func(m *maker, q *Request) {
		q.set("Connection", pick(m.r, "Upgrade", "Upgrade, HTTP2-Settings", "close, upgrade"))
		q.insert(m.r, "Upgrade", pick(m.r, "websocket", "h2c", "TLS/1.0", "http/1.1"))
		q.insert(m.r, pick(m.r, "HTTP2-Settings", "Sec-WebSocket-Key"), "AAMAAABkAAQAAP__")
	}},
	{"header: a space before the colon", func(m *maker, q *Request) {
		q.insert(m.r, pick(m.r, "X-Original-URL", "X-HTTP-Method-Override", "Range", "Accept-Encoding", "Content-Length")+pick(m.r, " ", "\t", "\x00"), pick(m.r, "/v1/export", "GET", "0"))
	}},
	{"header: a folded line", func(m *maker, q *Request) {
		q.insert(m.r, "X-Fold", pick(m.r, "a\r\n X-Original-URL: /v1/export", "a\nX-Original-URL: /v1/export", "a\r\n\tb", "a\rX-Original-URL: /v1/export"))
	}},
	{"header: hop by hop", func(m *maker, q *Request) {
		f := pick(m.r, Field{"TE", "trailers"}, Field{"TE", "gzip"}, Field{"Trailer", "X-Original-URL"}, Field{"Expect", "100-continue"}, Field{"Expect", "x"},
			Field{"Proxy-Connection", "keep-alive"}, Field{"Keep-Alive", "timeout=5"}, Field{"Max-Forwards", "0"}, Field{"Via", "1.1 x"}, Field{"Prefer", "return=representation"})
		q.insert(m.r, f.Name, f.Value)
	}},
}

// spell writes a header's name in one of the ways that some servers take for the same.
func (m *maker) spell(names ...string) string {
	name := pick(m.r, names...)
	switch m.r.IntN(6) {
	case 0:
		return strings.ToLower(name)
	case 1:
		return strings.ReplaceAll(name, "-", "_")
	case 2:
		return strings.ToUpper(name)
	default:
		return name
	}
}
