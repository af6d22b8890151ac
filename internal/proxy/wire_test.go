package proxy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// wire is a service that keeps the bytes of what reaches it, and answers with bytes.
type wire struct {
	mu     sync.Mutex
	bytes  bytes.Buffer
	answer string
}

func (w *wire) got() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes.String()
}

func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes.Write(b)
}

// onWire puts a service of bytes behind a road.
func onWire(t *testing.T, r *road, answer string) *wire {
	t.Helper()
	w := &wire{answer: answer}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.serve(c)
		}
	}()
	r.proxy.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
	}
	return w
}

func (w *wire) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReaderSize(io.TeeReader(c, w), 1)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		w.mu.Lock()
		answer := w.answer
		w.mu.Unlock()
		if _, err := io.WriteString(c, answer); err != nil || answer == "" || strings.Contains(answer, "Connection: close") {
			return
		}
	}
}

const emptyList = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"customers\":[]}"

var service = netip.MustParseAddrPort("192.0.2.1:80")

// noted adds an endpoint without personal data, whose path another one with personal data shares for GET.
func noted(b *ir.Bundle) {
	for i := range b.Services {
		if b.Services[i].Name == "crm/customers" {
			b.Services[i].Endpoints = append(b.Services[i].Endpoints,
				ir.Endpoint{Name: "note", Methods: []string{"POST", "PUT", "GET"}, Path: "/v1/notes/{name}", NoPersonalData: true},
				ir.Endpoint{Name: "mark", Methods: []string{"POST"}, Path: "/v1/marks/{name}", NoPersonalData: true},
				ir.Endpoint{Name: "private", Methods: []string{"GET"}, Path: "/v1/notes/private", Processing: shows},
				ir.Endpoint{Name: "jobs", Methods: []string{"POST"}, Path: "/v1/customers", NoPersonalData: true})
		}
	}
}

// TestBytesOnTheWire: what reaches the service is one request, in the one form that was decided about, whatever came.
func TestBytesOnTheWire(t *testing.T) {
	list := "GET /v1/customers?page=1 HTTP/1.1\r\nHost: customers.crm\r\n"
	const asked = "Accept-Encoding: identity\r\n\r\n"
	for name, tt := range map[string]struct{ request, want string }{
		"the host is written in one way": {
			"GET /v1/customers?page=1 HTTP/1.1\r\nHost: CUSTOMERS.crm.:80\r\nConnection: close\r\n\r\n", list + asked,
		},
		"headers of the connection and conditions end here": {
			list + "Connection: close, TE, Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\nUpgrade: h2c\r\nTE: trailers\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nRange: bytes=0-1\r\nIf-Range: x\r\n" +
				"If-Match: x\r\nA-IM: feed\r\nAccept-Charset: utf-7\r\nWant-Repr-Digest: sha-256=1\r\nAccept: application/json;charset=utf-7\r\n\r\n",
			list + "Accept: application/json\r\n" + asked,
		},
		"a header that nobody decides by keeps its bytes": {list + "Connection: close\r\nX-Name: J\xfcrgen\r\n\r\n", list + "Accept-Encoding: identity\r\nX-Name: J\xfcrgen\r\n\r\n"},
		"a folded header is one line":                     {list + "Connection: close\r\nX-Name: a\r\n b\r\n\r\n", list + "Accept-Encoding: identity\r\nX-Name: a b\r\n\r\n"},
		"a body in chunks gets its length, and loses its trailers": {
			"POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" +
				fmt.Sprintf("%x;a=b\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n", len(newsletter), newsletter),
			fmt.Sprintf("POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nContent-Length: %d\r\nAccept-Encoding: identity\r\nContent-Type: application/json\r\n\r\n%s", len(newsletter), newsletter),
		},
		"a length beside chunks does not count": {
			"POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" +
				fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(newsletter), newsletter),
			fmt.Sprintf("POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nContent-Length: %d\r\nAccept-Encoding: identity\r\nContent-Type: application/json\r\n\r\n%s", len(newsletter), newsletter),
		},
		"where nothing personal is, body and trailers pass": {
			"POST /v1/notes/a HTTP/1.1\r\nHost: customers.crm\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
			"POST /v1/notes/a HTTP/1.1\r\nHost: customers.crm\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
		},
		"what follows a request is another one, and is decided about": {
			list + "\r\n" + "GET /v1/export HTTP/1.1\r\nHost: customers.crm\r\nConnection: close\r\n\r\n", list + asked,
		},
		"a request that hides in the body of another stays there": {
			"POST /v1/notes/a HTTP/1.1\r\nHost: customers.crm\r\nConnection: close\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/export HTTP/1.1\r\nHost: customers.crm\r\n\r\n",
			"POST /v1/notes/a HTTP/1.1\r\nHost: customers.crm\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, noted)
			w := onWire(t, r, emptyList)
			answer := raw(t, r.listen(service), tt.request)
			if got := w.got(); got != tt.want {
				t.Errorf("%q\nwant  %q\nanswer %.200q", got, tt.want, answer)
			}
		})
	}
}

// TestTwoReadings: each line would be read in another way by some server. None reaches it.
func TestTwoReadings(t *testing.T) {
	line := func(target string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: customers.crm\r\nConnection: close\r\n\r\n"
	}
	with := func(headers string) string {
		return "GET /v1/customers HTTP/1.1\r\nHost: customers.crm\r\nConnection: close\r\n" + headers + "\r\n"
	}
	body := func(headers, body string) string {
		return "POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nConnection: close\r\nContent-Type: application/json\r\n" + headers + "\r\n" + body
	}
	host := func(host string) string { return "GET /v1/customers HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n" }
	chunked := "Transfer-Encoding: chunked\r\n"
	one := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(newsletter), newsletter)
	var many strings.Builder
	for i := range 101 {
		fmt.Fprintf(&many, "&p%d=1", i)
	}
	for name, request := range map[string]string{
		"two slashes":                             line("//v1/customers"),
		"a dot segment at the end":                line("/v1/notes/x/.."),
		"an escaped dot segment":                  line("/v1/notes/%2E%2E"),
		"an escaped slash":                        line("/v1/notes/a%2Fb"),
		"an escaped slash in small letters":       line("/v1/notes/a%2fb"),
		"a doubly escaped slash":                  line("/v1/notes/a%252Fb"),
		"an escaped backslash":                    line("/v1/notes/a%5Cb"),
		"a backslash":                             line(`/v1/notes/a\b`),
		"an escaped fragment":                     line("/v1/notes/a%23b"),
		"a fragment":                              line("/v1/notes/a#b"),
		"a fragment in the query":                 line("/v1/customers?page=1#b"),
		"an escaped question mark":                line("/v1/notes/a%3Fb"),
		"a parameter of a segment":                line("/v1/notes/a;b=1"),
		"an escaped parameter of a segment":       line("/v1/notes/a%3Bb=1"),
		"a star":                                  line("*"),
		"a star in a segment":                     line("/v1/notes/*"),
		"NUL":                                     line("/v1/notes/a%00b"),
		"a control byte":                          line("/v1/notes/a%0Ab"),
		"bytes that are no UTF-8":                 line("/v1/notes/%FF"),
		"an overlong slash":                       line("/v1/notes/a%C0%AFb"),
		"no slash":                                line("v1/customers"),
		"the absolute form":                       line("http://customers.crm/v1/customers"),
		"a user in the target":                    line("http://a@customers.crm/v1/customers"),
		"another case of a declared path":         line("/v1/notes/Private"),
		"half an escape in the query":             line("/v1/customers?page=%2"),
		"a bad escape in the query":               line("/v1/customers?page=%zz"),
		"NUL in the query":                        line("/v1/customers?page=%00"),
		"a byte in the query":                     line("/v1/customers?page=\xff"),
		"a pair without a name":                   line("/v1/customers?=1"),
		"an empty pair":                           line("/v1/customers?page=1&&"),
		"a parameter twice, once escaped":         line("/v1/customers?page=1&p%61ge=2"),
		"more parameters than some servers count": line("/v1/notes/a?page=1" + many.String()),
		"a method in the query":                   line("/v1/notes/a?_method=DELETE"),
		"no host":                                 host(""),
		"an empty host":                           host("Host:\r\n"),
		"two hosts":                               host("Host: customers.crm\r\nHost: customers.crm\r\n"),
		"a user in the host":                      host("Host: a@customers.crm\r\n"),
		"another port":                            host("Host: customers.crm:081\r\n"),
		"a port in another spelling":              host("Host: customers.crm:080\r\n"),
		"no port behind its colon":                host("Host: customers.crm:\r\n"),
		"two dots behind the host":                host("Host: customers.crm..\r\n"),
		"a path in the host":                      host("Host: customers.crm/x\r\n"),
		"two content types":                       body("Content-Type: application/json\r\nContent-Length: 0\r\n", ""),
		"a content type with an underscore":       body("Content_Type: text/plain\r\nContent-Length: "+fmt.Sprint(len(newsletter))+"\r\n", newsletter),
		"two content encodings":                   body("Content-Encoding: identity\r\nContent-Encoding: identity\r\nContent-Length: "+fmt.Sprint(len(newsletter))+"\r\n", newsletter),
		"a content type that is not ASCII":        strings.Replace(body("Content-Length: "+fmt.Sprint(len(newsletter))+"\r\n", newsletter), "application/json", "application/json; x=\xff", 1),
		"a part of a body":                        body("Content-Range: bytes 0-1/2\r\nContent-Range: bytes 0-1/2\r\nContent-Length: "+fmt.Sprint(len(newsletter))+"\r\n", newsletter),
		"two lengths":                             body("Content-Length: 1\r\nContent-Length: 2\r\n", newsletter),
		"a length with a sign":                    body("Content-Length: +1\r\n", newsletter),
		"a header with a space before its colon":  with("Transfer-Encoding : chunked\r\n"),
		"an unknown transfer encoding":            body("Transfer-Encoding: xchunked\r\n", one),
		"two transfer encodings":                  body(chunked+"Transfer-Encoding: identity\r\n", one),
		"a transfer encoding behind a comma":      body("Transfer-Encoding: identity, chunked\r\n", one),
		"a vertical tab in a transfer encoding":   body("Transfer-Encoding: \x0bchunked\r\n", one),
		"a bare LF behind a chunk's size":         body(chunked, fmt.Sprintf("%x\n%s\r\n0\r\n\r\n", len(newsletter), newsletter)),
		"a chunk's size that is too large":        body(chunked, "fffffffffffffffff\r\n"+newsletter),
		"a bare CR in a header":                   with("X-A: a\rTransfer-Encoding: chunked\r\n"),
		"NUL in a header":                         with("X-A: a\x00b\r\n"),
		"a header without a name":                 with(": a\r\n"),
		"an overriding method":                    with("X-HTTP-Method: POST\r\n"),
		"another overriding method":               with("X-Method-Override: POST\r\n"),
		"an overriding method with underscores":   with("X_HTTP_Method_Override: POST\r\n"),
		"an overriding path":                      with("X-Rewrite-URL: /v1/export\r\n"),
		"an overriding host":                      with("X-Forwarded-Host: other\r\n"),
		"an overriding host in the new spelling":  with("Forwarded: host=other\r\n"),
		"a method in a form for an unread body":   "POST /v1/customers HTTP/1.1\r\nHost: customers.crm\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\n_method=GET",
		"a connection header that names ours":     with("Connection: Accept\r\nAccept: application/json\r\n"),
		"a connection header that names the host": with("Connection: Host\r\n"),
		"a trailer that overrides":                "POST /v1/notes/a HTTP/1.1\r\nHost: customers.crm\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-HTTP-Method-Override\r\n\r\n0\r\nX-HTTP-Method-Override: PUT\r\n\r\n",
		"an unknown method":                       strings.Replace(line("/v1/customers"), "GET", "PROPFIND", 1),
		"a method in small letters":               strings.Replace(line("/v1/customers"), "GET", "get", 1),
		"TRACE":                                   strings.Replace(line("/v1/notes/a"), "GET", "TRACE", 1),
		"CONNECT":                                 "CONNECT customers.crm:80 HTTP/1.1\r\nHost: customers.crm:80\r\n\r\n",
		"CONNECT to a path":                       "CONNECT /v1/customers HTTP/1.1\r\nHost: customers.crm\r\n\r\n",
		"a web socket":                            with("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n"),
		"a web socket behind another offer":       with("Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n"),
		"an old version":                          "GET /v1/customers\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, noted)
			w := onWire(t, r, emptyList)
			answer := raw(t, r.listen(service), request)
			if got := w.got(); got != "" {
				t.Errorf("it reached the service: %q", got)
			}
			if strings.HasPrefix(answer, "HTTP/1.1 2") {
				t.Errorf("answer %q", answer)
			}
		})
	}
}

// TestHosts: one spelling, apart from case and a dot at the end, and only the port that was dialled.
func TestHosts(t *testing.T) {
	for host, want := range map[string]string{
		"customers.crm": "customers.crm", "CUSTOMERS.crm": "customers.crm", "customers.crm.": "customers.crm", "customers.crm:80": "customers.crm",
		"[::1]": "::1", "[::1]:80": "::1", "": "", ".": "", "customers.crm:": "", "customers.crm:081": "", "customers.crm:080": "", "customers.crm:81": "",
		"a@customers.crm": "", "customers.crm/x": "", "customers.crm..": "", ".customers.crm": "", "customers%2ecrm": "", "customers.crm:80:80": "",
		"[::1": "", "[::1]x": "", "customers crm": "", "kunden.\u00fc": "", "customers.crm\x00": "", "customers.crm,api.esp": "",
	} {
		if got, _, reason := canonicalHost(&http.Request{Host: host}, target{dst: service}); got != want || (reason == "") != (want != "") {
			t.Errorf("%q is %q, %s", host, got, reason)
		}
	}
}

// TestHeadersThatTellPurposesApart have to be there once, in one spelling.
func TestHeadersThatTellPurposesApart(t *testing.T) {
	for name, tt := range map[string]struct {
		headers string
		want    decide.Reason
	}{
		"once":                      {"X-Kind: a\r\n", ""},
		"not at all":                {"", decide.PurposeUndeclared},
		"twice":                     {"X-Kind: a\r\nX-Kind: b\r\n", decide.NotCanonical},
		"twice the same":            {"X-Kind: a\r\nX-Kind: a\r\n", decide.NotCanonical},
		"in a list":                 {"X-Kind: a, b\r\n", decide.PurposeUndeclared},
		"and with an underscore":    {"X-Kind: a\r\nX_Kind: b\r\n", decide.NotCanonical},
		"with an underscore only":   {"X_Kind: a\r\n", decide.NotCanonical},
		"in bytes that are no text": {"X-Kind: a\xa0\r\n", decide.NotCanonical},
		"for this connection only":  {"X-Kind: a\r\nConnection: X-Kind\r\n", decide.NotCanonical},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, func(b *ir.Bundle) {
				for i := range b.Rules {
					if b.Rules[i].Purpose == "profile-view" {
						b.Rules[i].When = []ir.Condition{{Source: ir.SourceHeader, Name: "x-kind", In: []string{"a"}}}
					}
				}
			})
			answer := raw(t, r.listen(service), get("GET /v1/customers", tt.headers))
			if (len(r.requests()) == 1) != (tt.want == "") {
				t.Fatalf("%d requests reached the service: %s", len(r.requests()), answer)
			}
			_, body, _ := strings.Cut(answer, "\r\n\r\n")
			if tt.want != "" && reasonOf(t, []byte(body)) != tt.want {
				t.Errorf("answer %s", answer)
			}
		})
	}
}
