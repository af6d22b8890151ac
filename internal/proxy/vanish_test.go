package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// serving gives every connection of a service to serve. They end with the test, whatever serve does.
func serving(t *testing.T, serve func(ctx context.Context, c net.Conn)) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				stop := context.AfterFunc(ctx, func() { _ = c.Close() })
				defer stop()
				serve(ctx, c)
			}()
		}
	}()
	return l
}

// vanishing is a service of bytes that reads the head of one request after the other and then does as it is told, on a connection that
// stays open whatever it does. Pages of customers are for others, who are served.
func vanishing(t *testing.T, r *road, do func(c net.Conn, req *http.Request)) {
	t.Helper()
	l := serving(t, func(_ context.Context, c net.Conn) {
		defer func() { _ = c.Close() }()
		for in := bufio.NewReaderSize(c, 4<<10); ; {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			if strings.HasSuffix(req.RequestURI, "?page=1") {
				_, _ = io.WriteString(c, emptyList)
				continue
			}
			do(c, req)
		}
	})
	r.proxy.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
		if err == nil {
			_ = c.(*net.TCPConn).SetWriteBuffer(16 << 10)
		}
		return c, err
	}
}

// untilTheEnd sends bytes and gives what comes back until the connection ends. It fails if it does not: raw would not tell.
func untilTheEnd(t *testing.T, addr net.Addr, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	go func() { _, _ = io.WriteString(c, request) }()
	got, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nobody was told; so far %.200q", got)
	}
	return string(got)
}

// watching only shows decisions.
func watching(b *ir.Bundle) {
	b.Mode = ir.ModeObserve
	for i := range b.Rules {
		b.Rules[i].Mode = ir.ModeObserve
	}
}

// table is a list in CSV.
var table = ir.Endpoint{
	Name: "table", Methods: []string{"GET"}, Path: "/v1/table", Processing: shows,
	Response: &ir.Message{Format: ir.FormatCSV, Records: &ir.Records{Each: "/*", Identifier: "/email", Identifies: email, NotPersonal: []string{"/email"}}},
}

// TestServicesThatVanish: a service that is gone without a word, or stopped, in every place of an exchange. The application is told: by
// an answer if nothing came of the service's own, else by an end that does not look like one. Others are served, and nothing is left.
func TestServicesThatVanish(t *testing.T) {
	const (
		short = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
		long  = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
		ended = "" // the connection ends within the answer, or before it
	)
	says := func(answer string) func(net.Conn, *http.Request) {
		return func(c net.Conn, req *http.Request) {
			_, _ = io.Copy(io.Discard, req.Body)
			_, _ = io.WriteString(c, answer)
			<-req.Context().Done() // which never happens
		}
	}
	note, list := get("GET /v1/notes/a", ""), get("GET /v1/customers", "")
	many := `{"customers":[` + strings.Repeat(`{"email":"anna@example.org"},`, 5000)
	chunked := func(kind, data string) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", kind, len(data), data)
	}
	upload := func(n int) string {
		return fmt.Sprintf("POST /v1/notes/a HTTP/1.1\r\nHost: customers.crm\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", n, strings.Repeat("x", n))
	}
	for name, tt := range map[string]struct {
		request string
		do      func(net.Conn, *http.Request)
		// status is how the answer begins; ended for one that is cut.
		status string
		reason decide.Reason
		watch  bool
	}{
		"before the head":                          {note, says(""), "504", "", false},
		"before the head, after a body":            {upload(10), says(""), "504", "", false},
		"before the head of what is decided about": {list, says(""), "504", "", false},
		"after a request was decided about":        {post("", newsletter), says(""), "504", "", false},
		"within the head":                          {note, says("HTTP/1.1 200 OK\r\nContent-Le"), "504", "", false},
		"after an interim answer":                  {note, says("HTTP/1.1 103 Early Hints\r\n\r\n"), "504", "", false},
		"while it reads":                           {upload(8 << 20), func(_ net.Conn, req *http.Request) { <-req.Context().Done() }, "504", "", false},
		"after the head of a short answer":         {note, says(short), ended, "", false},
		"within a short answer":                    {note, says(short + "{"), ended, "", false},
		"after the head of a long answer":          {note, says(long), ended, "", false},
		"within a long answer":                     {note, says(long + "{"), ended, "", false},
		"within a chunk":                           {note, says(chunked("text/plain", "x")), ended, "", false},
		"within an answer of nobody":               {get("GET /v1/offers/anna@example.org", ""), says(short + "{"), ended, "", false},
		"within a list":                            {list, says(short + many[:100]), "502", decide.BodyUnreadable, false},
		"after the head of a list":                 {list, says(long), "502", decide.BodyUnreadable, false},
		"within a list that flows":                 {list, says(long + many), ended, "", false},
		"within lines":                             {get("GET /v1/feed", ""), says(chunked("application/x-ndjson", "{")), ended, "", false},
		"within a table":                           {get("GET /v1/table", ""), says(chunked("text/csv", "email\n"+strings.Repeat("anna@example.org\n", 5000)+"an")), ended, "", false},
		"after the head of a table":                {get("GET /v1/table", ""), says(chunked("text/csv", "email\nan")), "502", decide.BodyUnreadable, false},
		"within an answer without a body":          {get("DELETE /v1/people/anna@example.org", ""), says(short), "200", "", false},
		"within an error":                          {list, says(strings.Replace(short, "200 OK", "500 No", 1)), "500", "", false},
		"observed, before the head":                {list, says(""), "504", "", true},
		"observed, after the head of a list":       {list, says(short), ended, "", true},
		"observed, within a list":                  {list, says(long + "{"), ended, "", true},
		"observed, within chunks":                  {list, says(chunked("application/json", "{")), ended, "", true},
		"observed, within lines":                   {get("GET /v1/feed", ""), says(chunked("application/x-ndjson", "{")), ended, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := withEndpoints(t, ir.OnMissingDropRecord, "", feed("application/x-ndjson"), offers, table, ir.Endpoint{
				Name: "forget", Methods: []string{"DELETE"}, Path: "/v1/people/{who}", Processing: shows, Segments: []ir.PathSegment{{Name: "who", Person: email}},
			})
			noted(r.bundle())
			if tt.watch {
				watching(r.bundle())
			}
			r.current.Store(&State{Index: decide.NewIndex(r.bundle()), Facts: r.current.Load().Facts, resolver: r.current.Load().resolver})
			r.proxy.stall = 200 * time.Millisecond
			vanishing(t, r, tt.do)
			addr := r.listen(service)
			others := get("GET /v1/customers?page=1", "")
			untilTheEnd(t, addr, others) // which leaves a connection to the service that the next request is sent on
			got := make(chan string, 1)
			go func() { got <- untilTheEnd(t, addr, tt.request) }()
			if answer := untilTheEnd(t, addr, others); !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
				t.Errorf("others got %.200q", answer)
			}
			answer := <-got
			head, body, _ := strings.Cut(answer, "\r\n\r\n")
			switch {
			case tt.status == ended:
				if strings.HasSuffix(answer, "0\r\n\r\n") || (answer != "" && !strings.HasPrefix(answer, "HTTP/1.1 200 ")) {
					t.Errorf("answer ...%.200q", answer[max(0, len(answer)-200):])
				}
			case !strings.HasPrefix(head, "HTTP/1.1 "+tt.status+" "):
				t.Errorf("answer %.300q", answer)
			case tt.reason != "" && reasonOf(t, []byte(body)) != tt.reason:
				t.Errorf("reason %s", body)
			}
			nothingLeft(t, r)
		})
	}
}

// nothingLeft fails unless a road comes to rest, with nothing held.
func nothingLeft(t *testing.T, r *road) {
	t.Helper()
	for range 200 {
		r.proxy.transport.CloseIdleConnections()
		if r.proxy.held.used.Load() == 0 && !strings.Contains(stacks(), fmt.Sprintf("proxy.(*Proxy).handle(%p", r.proxy)) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%d bytes are held, or an exchange is still open", r.proxy.held.used.Load())
}

func stacks() string {
	all := make([]byte, 8<<20)
	return string(all[:runtime.Stack(all, true)])
}

// TestAServiceThatTakesNoConnection is told like one that does not answer, whatever dials.
func TestAServiceThatTakesNoConnection(t *testing.T) {
	r := shop(t, noted)
	r.proxy.stall = 200 * time.Millisecond
	r.proxy.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if answer := untilTheEnd(t, r.listen(service), get("GET /v1/notes/a", "")); !strings.HasPrefix(answer, "HTTP/1.1 504 ") {
		t.Errorf("answer %.300q", answer)
	}
	nothingLeft(t, r)
}

// TestAnApplicationThatSendsNoMore of a body is told so, and not that the service is late.
func TestAnApplicationThatSendsNoMore(t *testing.T) {
	r := shop(t, noted)
	r.proxy.stall = 200 * time.Millisecond
	vanishing(t, r, func(_ net.Conn, req *http.Request) { _, _ = io.Copy(io.Discard, req.Body) })
	answer := untilTheEnd(t, r.listen(service), "POST /v1/notes/a HTTP/1.1\r\nHost: customers.crm\r\nContent-Length: 100\r\n\r\nx")
	if !strings.HasPrefix(answer, "HTTP/1.1 408 ") {
		t.Errorf("answer %.300q", answer)
	}
	nothingLeft(t, r)
}

// TestAServiceVanishesBetweenGroups: the answer to a first group has a status, and does not end. The second is sent all the same.
func TestAServiceVanishesBetweenGroups(t *testing.T) {
	r := tracked(t, ir.OnMixedSplit, ir.OnMixedSplit, nil)
	r.proxy.stall = 200 * time.Millisecond
	first := true
	vanishing(t, r, func(c net.Conn, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		if !first {
			_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
			return
		}
		first = false
		_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\n{")
		<-req.Context().Done()
	})
	if answer := untilTheEnd(t, r.listen(service), post("", letter(on, "both", "none"))); !strings.HasPrefix(answer, "HTTP/1.1 202 ") {
		t.Errorf("answer %.300q", answer)
	}
	nothingLeft(t, r)
}
