package attack

import (
	"fmt"
	"strings"

	"github.com/optup/optup/test/bypass/market"
)

// shapes are known ways around, by the place where they were seen.
var shapes = []shape{
	// Paths that two programs read differently.
	target("an escaped slash climbs out (CVE-2021-29492, CVE-2025-32431)", "/v1/templates/..%2fexport"),
	target("escaped dots climb out (CVE-2025-47952)", "/v1/templates/%2e%2e/export"),
	target("escaped twice", "/v1/templates/%252e%252e%252fexport"),
	target("a backslash is a slash", `/v1/templates/..\export`),
	target("an escaped backslash is a slash", "/v1/templates/..%5cexport"),
	target("two dots are the last segment", "/v1/templates/.."),
	target("a double slash (CVE-2021-31920)", "//v1//export"),
	target("a fragment (CVE-2021-39156)", "/v1/templates/x#/../../export"),
	target("parameters of a segment (CVE-2026-73553)", "/v1/templates/..;/export"),
	target("parameters behind dots", "/v1/templates/..;x"),
	target("an escaped parameter", "/v1/templates/..%3bx"),
	target("a star in the place of a name (CVE-2025-46821)", "/v1/*"),
	target("overlong UTF-8", "/v1/templates/%c0%ae%c0%ae%c0%afexport"),
	target("a zero byte ends the path", "/v1/export%00/templates"),
	target("capitals", "/V1/EXPORT"),
	target("a slash at the end", "/v1/customers/"),
	target("absolute form", "http://localhost/v1/export"),
	target("absolute form with another host", "http://admin.example/v1/templates/welcome"),
	frames("no slash at the beginning (CVE-2026-33186)", "template", func(q *Request) { q.Path = "v1/export" }),
	// Queries.
	target("a pair that cannot be parsed (CVE-2022-2880)", "/v1/customers?page=1&%zz=1&callback=f"),
	target("very many pairs (CVE-2026-39825)", "/v1/customers?page=1"+strings.Repeat("&a=1", 1500)+"&callback=f"),
	target("a semicolon between pairs", "/v1/customers?page=1;callback=f"),
	change("the last of two values", "queue", func(m *maker, q *Request) {
		q.Query = []Field{{"kind", "invoice"}, {"kind", "news"}}
		q.Body = m.message("", to(m.refused().Mail))
	}),
	change("the first of two values", "queue", func(m *maker, q *Request) {
		q.Query = []Field{{"kind", "news"}, {"kind", "invoice"}}
		q.Body = m.message("", to(m.refused().Mail))
	}),
	change("a list of one value", "queue", func(m *maker, q *Request) {
		q.Query = []Field{{"kind", "invoice"}, {"kind[]", "news"}}
		q.Body = m.message("", to(m.refused().Mail))
	}),
	// Headers and hosts.
	header("another method by a header (CVE-2023-30845)", false, "report", "X-HTTP-Method-Override", "GET"),
	header("another method, the second name", false, "report", "X-HTTP-Method", "GET"),
	header("another method, the third name", false, "report", "X-Method-Override", "GET"),
	header("another method with underscores", false, "report", "X_HTTP_Method_Override", "GET"),
	change("another method by a parameter", "report", func(_ *maker, q *Request) { q.Query = []Field{{"_method", "GET"}} }),
	change("another method by a form", "report", func(_ *maker, q *Request) {
		q.Body = "_method=GET"
		q.set("Content-Type", "application/x-www-form-urlencoded")
	}),
	change("another method by a form without a type", "report", func(_ *maker, q *Request) {
		q.Body = "_method=GET"
		q.set("Content-Type", "")
	}),
	change("another method by a part", "report", func(_ *maker, q *Request) {
		q.Body = "--b\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nGET\r\n--b--\r\n"
		q.set("Content-Type", "multipart/form-data; boundary=b")
	}),
	change("another method by a member of JSON", "report", func(_ *maker, q *Request) { q.Body = `{"_method":"GET"}` }),
	header("lines in another type", false, "lines", "Accept", "application/json"),
	header("lines in another charset", false, "lines", "Accept-Charset", "utf-16"),
	header("lines as a table", false, "lines", "Accept", "text/csv"),
	header("events that are compressed", false, "events", "Accept-Encoding", "gzip"),
	header("a part of events", false, "events", "Range", "bytes=1-2000"),
	header("events again after an id", false, "events", "Last-Event-ID", "1"),
	header("a table that is compressed", false, "sheet", "Accept-Encoding", "deflate"),
	header("a table in another charset", false, "sheet", "Accept-Charset", "utf-7"),
	header("a part of a table", false, "sheet", "Range", "bytes=-2000"),
	header("another path by a header", false, "template", "X-Original-URL", "/v1/export"),
	header("another path, the second name", false, "template", "X-Rewrite-URL", "/v1/export"),
	header("another path with underscores", false, "template", "X_ORIGINAL_URL", "/v1/export"),
	header("another host by a header", false, "template", "X-Forwarded-Host", "admin.example"),
	header("another host, the standard field", false, "template", "Forwarded", "for=192.0.2.1;host=admin.example"),
	change("another host", "template", func(_ *maker, q *Request) { q.set("Host", "admin.example") }),
	change("another host in capitals (CVE-2021-39155)", "template", func(_ *maker, q *Request) { q.set("Host", "ADMIN.EXAMPLE") }),
	header("a second host", false, "template", "Host", "admin.example"),
	change("the second of two values of a header (CVE-2020-25017)", "submit", func(m *maker, q *Request) {
		q.set("X-Mail-Kind", "invoice")
		q.add("X-Mail-Kind", "news")
		q.Body = m.message("", to(m.refused().Mail))
	}),
	change("a header with underscores beside the true one", "submit", func(m *maker, q *Request) {
		q.set("X-Mail-Kind", "invoice")
		q.add("X_Mail_Kind", "news")
		q.Body = m.message("", to(m.refused().Mail))
	}),
	change("a hop-by-hop list takes a header away (CVE-2024-45410)", "submit", func(m *maker, q *Request) {
		q.set("X-Mail-Kind", "invoice")
		q.set("Connection", "close, X-Mail-Kind")
		q.Body = m.message("", to(m.refused().Mail))
	}),
	// Framing.
	change("a bare LF in chunks (CVE-2025-22871)", "report", func(_ *maker, q *Request) {
		q.add("Transfer-Encoding", "chunked")
		q.Framing, q.Body = Unframed, "2\n{}\n0\n\nGET /v1/export HTTP/1.1\r\nHost: localhost\r\n\r\n"
	}),
	change("an invalid transfer encoding (CVE-2022-1705)", "report", func(_ *maker, q *Request) {
		q.add("Transfer-Encoding", " chunked")
		q.add("Content-Length", "5")
		q.Framing, q.Body = Unframed, "0\r\n\r\nGET /v1/export HTTP/1.1\r\nHost: localhost\r\n\r\n"
	}),
	change("length and chunks", "report", func(_ *maker, q *Request) {
		q.add("Content-Length", "4")
		q.add("Transfer-Encoding", "chunked")
		q.Framing, q.Body = Unframed, "2c\r\nGET /v1/export HTTP/1.1\r\nHost: localhost\r\n\r\n\r\n0\r\n\r\n"
	}),
	change("trailers name another path", "report", func(_ *maker, q *Request) {
		q.Framing, q.Trailers = Chunked, []Field{{"X-Original-URL", "/v1/export"}}
		q.add("Trailer", "X-Original-URL")
	}),
	change("two requests at once", "template", func(_ *maker, q *Request) {
		q.Headers = q.Headers[:1]
		q.Tail = "GET /v1/export HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	}),
	change("HTTP/1.0", "list", func(_ *maker, q *Request) { q.Version = "HTTP/1.0" }),
	change("an upgrade to HTTP/2", "template", func(_ *maker, q *Request) {
		q.set("Connection", "Upgrade, HTTP2-Settings")
		q.add("Upgrade", "h2c")
		q.add("HTTP2-Settings", "AAMAAABkAAQAAP__")
		q.Tail = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	}),
	change("an upgrade to a WebSocket", "list", func(_ *maker, q *Request) {
		q.set("Connection", "Upgrade")
		q.add("Upgrade", "websocket")
	}),
	frames("a path with a line end", "template", func(q *Request) {
		q.Two.Pseudo = []Field{{":path", "/v1/templates/x HTTP/1.1\r\nX-Original-URL: /v1/export\r\nx: x"}}
	}),
	frames("a second path", "template", func(q *Request) { q.Two.Pseudo = []Field{{":path", "/v1/export"}} }),
	frames("another authority", "template", func(q *Request) { q.set("Host", "admin.example") }),
	// Bodies of requests.
	change("a name twice (golang/go#74376)", "send", func(m *maker, q *Request) {
		q.Body = `{"template_id":"d-invoice",` + m.message("d-news", to(m.refused().Mail))[1:]
	}),
	change("an address twice", "send", func(m *maker, q *Request) {
		q.Body = m.message("d-news", fmt.Sprintf(`"personalizations":[{"to":[{"email":%q,"email":%q}]}],`, m.permitted().Mail, m.refused().Mail))
	}),
	change("a name twice, once escaped", "send", func(m *maker, q *Request) {
		q.Body = m.message("d-news", fmt.Sprintf(`"personalizations":[{"to":[{"email":%q,"\u0065mail":%q}]}],`, m.permitted().Mail, m.refused().Mail))
	}),
	change("a name in capitals (golang/go#14750)", "send", func(m *maker, q *Request) {
		q.Body = m.message("d-invoice", `"Template_ID":"d-news",`+to(m.refused().Mail))
	}),
	change("an address under a name in capitals", "send", func(m *maker, q *Request) {
		q.Body = m.message("d-news", fmt.Sprintf(`"personalizations":[{"to":[{"email":%q,"EMAIL":%q}]}],`, m.permitted().Mail, m.refused().Mail))
	}),
	change("a second value behind the first", "send", func(m *maker, q *Request) {
		q.Body = m.message("d-news", to(m.permitted().Mail)) + m.message("d-news", to(m.refused().Mail))
	}),
	change("comments", "send", func(m *maker, q *Request) {
		q.Body = `{/*"template_id":"d-invoice",*/` + m.message("d-news", to(m.refused().Mail))[1:]
	}),
	change("single quotes", "send", func(m *maker, q *Request) {
		q.Body = strings.ReplaceAll(m.message("d-news", to(m.refused().Mail)), `"`, "'")
	}),
	change("copies to others", "send", func(m *maker, q *Request) {
		who, ok := m.refused().Mail, m.permitted().Mail
		q.Body = m.message("d-news", fmt.Sprintf(`"personalizations":[{"to":[{"email":%q}],"cc":[{"email":%q}],"bcc":[{"email":%q},{"email":%q}]}],`, ok, who, who, ok))
	}),
	change("addressees outside the lists", "send", func(m *maker, q *Request) {
		q.Body = m.message("d-news", to(m.permitted().Mail)+fmt.Sprintf(`"bcc":[{"email":%q}],`, m.refused().Mail))
	}),
	change("two addresses in one", "send", func(m *maker, q *Request) {
		q.Body = m.message("d-news", to(m.permitted().Mail+","+m.refused().Mail, m.permitted().Mail+"\r\nBcc: "+m.refused().Mail))
	}),
	change("no address, but one beside it", "send", func(m *maker, q *Request) {
		q.Body = m.message("d-news", fmt.Sprintf(`"personalizations":[{"to":[{"email":null,"address":%q}]}],`, m.refused().Mail))
	}),
	change("compressed", "send", func(m *maker, q *Request) {
		for _, x := range bodyMutators {
			if x.name == "body: a coding" {
				q.Body = m.message("d-news", to(m.refused().Mail))
				x.apply(m, q)
				q.set("Content-Encoding", "gzip")
			}
		}
	}),
	change("another charset", "send", func(m *maker, q *Request) {
		q.set("Content-Type", "application/json; charset=utf-7")
		q.Body = m.message("d-news", strings.Replace(to(m.permitted().Mail), `"}]`, `","name":"A`+market.ToUTF7(`"},{"email":"`+m.refused().Mail)+`"}]`, 1))
	}),
	change("a form", "send", func(m *maker, q *Request) {
		q.Body = "template_id=d-news&to=" + m.refused().Mail
		q.set("Content-Type", "application/x-www-form-urlencoded")
	}),
	// Answers.
	header("an answer in another charset (CVE-2022-39957)", false, "list", "Accept", "application/json; charset=utf-7"),
	header("an answer in UTF-16", false, "list", "Accept-Charset", "utf-16"),
	header("a part of an answer (CVE-2022-39958)", false, "list", "Range", "bytes=100-400"),
	header("a part of a person's answer", true, "customer", "Range", "bytes=100000-"),
	header("gzip", false, "list", "Accept-Encoding", "gzip"),
	header("deflate", false, "list", "Accept-Encoding", "deflate"),
	header("brotli", false, "list", "Accept-Encoding", "br"),
	header("HTML", false, "list", "Accept", "text/html"),
	header("CSV", false, "list", "Accept", "text/csv"),
	header("a condition", false, "list", "If-None-Match", "*"),
	header("a condition about a person", true, "customer", "If-None-Match", "*"),
	header("a condition with underscores, about a person", true, "customer", "If_None_Match", "*"),
	header("HTML about a person", true, "customer", "Accept", "text/html"),
	header("events about a person", true, "customer", "Accept", "text/event-stream"),
	header("a person in UTF-16", true, "customer", "Accept", "application/json; charset=utf-16"),
	header("a person in brotli", true, "customer", "Accept-Encoding", "br"),
	change("another method by a form, escaped", "report", func(_ *maker, q *Request) {
		q.Body = "a=b&%5Fmethod=get"
		q.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}),
	header("headers for debugging", false, "list", "X-Debug", "1"),
	{name: "only the head of a person's answer", person: true, make: func(m *maker) *Request {
		q := m.base("customer")
		q.Method = "HEAD"
		return q
	}},
	{name: "only the head of an answer about an address", person: true, make: func(m *maker) *Request {
		q := m.base("person")
		q.Method = "HEAD"
		return q
	}},
	{name: "a person", person: true, make: func(m *maker) *Request { return m.base("customer") }},
	{name: "a person by address", person: true, make: func(m *maker) *Request { return m.base("person") }},
	{name: "a person by parameter", person: true, make: func(m *maker) *Request { return m.base("email") }},
	change("a list", "list", func(*maker, *Request) {}), change("a list that flows", "long list", func(*maker, *Request) {}), change("a table", "table", func(*maker, *Request) {}),
	change("masked", "contacts", func(*maker, *Request) {}), change("a search", "search", func(*maker, *Request) {}),
	change("not declared", "export", func(*maker, *Request) {}), change("options", "list", func(_ *maker, q *Request) { q.Method = "OPTIONS" }),
}
