package proxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/ir"
)

// pair is a connection whose ends hold little on the way.
func pair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close(), s.Close() })
	near, far = s.(*net.TCPConn), c.(*net.TCPConn)
	if err := errors.Join(near.SetWriteBuffer(16<<10), far.SetReadBuffer(16<<10)); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// TestOneLargeWriteToASlowPeer takes longer than a stall, and is no stall as long as the peer takes something.
func TestOneLargeWriteToASlowPeer(t *testing.T) {
	const stall = 300 * time.Millisecond
	near, far := pair(t)
	c := &progressing{Conn: near, stall: stall}
	body := make([]byte, 2<<20)
	done := make(chan error, 1)
	began := time.Now()
	go func() {
		n, err := c.Write(body)
		if err == nil && n != len(body) {
			err = io.ErrShortWrite
		}
		done <- err
	}()
	room, got := make([]byte, 32<<10), 0
	for got < len(body) {
		n, err := far.Read(room)
		if got += n; err != nil {
			t.Fatalf("after %d bytes and %s: %v", got, time.Since(began), err)
		}
		// Slowly until the time of two stalls is over, but never for as long as one.
		if time.Since(began) < 4*stall {
			time.Sleep(stall / 10)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("after %d bytes and %s: %v", got, time.Since(began), err)
			}
		default:
		}
	}
}

// TestAPeerThatTakesNothingMore ends a write, even after it took a part.
func TestAPeerThatTakesNothingMore(t *testing.T) {
	const stall = 100 * time.Millisecond
	near, _ := pair(t)
	c := &progressing{Conn: near, stall: stall}
	done := make(chan error, 1)
	go func() {
		_, err := c.Write(make([]byte, 16<<20))
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	case <-time.After(100 * stall):
		t.Error("it is still written")
	}
}

// TestApplicationsThatReadALongListSlowly are served to the end as long as they go on reading, and cut off once they do not.
func TestApplicationsThatReadALongListSlowly(t *testing.T) {
	const stall = 300 * time.Millisecond
	record := `{"email":"anna@example.org"},`
	body := `{"customers":[` + strings.Repeat(record, 16<<20/len(record)) + `{"email":"bert@example.org"}]}`
	for name, stalls := range map[string]bool{"steadily": false, "and then no more": true} {
		t.Run(name, func(t *testing.T) {
			r := withEndpoints(t, ir.OnMissingDropRecord, "")
			r.proxy.stall = stall
			ended := make(chan struct{})
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				defer close(ended)
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, body)
			}
			c, err := net.Dial("tcp", r.listen(service).String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_ = c.(*net.TCPConn).SetReadBuffer(16 << 10)
			if _, err := io.WriteString(c, get("GET /v1/customers", "")); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			if stalls {
				if _, err := io.CopyN(io.Discard, res.Body, 1<<20); err != nil {
					t.Fatal(err)
				}
				select {
				case <-ended: // the service's answer is not waited for any more
				case <-time.After(100 * stall):
					t.Fatal("it is still waited for")
				}
				if _, err := io.Copy(io.Discard, res.Body); err == nil {
					t.Error("a part of the answer looks like the whole")
				}
				return
			}
			began, got := time.Now(), int64(0)
			for err == nil {
				var n int64
				n, err = io.CopyN(io.Discard, res.Body, 256<<10)
				got += n
				if time.Since(began) < 5*stall {
					time.Sleep(stall / 6)
				}
			}
			if want := int64(len(body) - len(`,{"email":"bert@example.org"}`)); !errors.Is(err, io.EOF) || got != want {
				t.Errorf("%d bytes of %d, %v", got, want, err)
			}
		})
	}
}

// TestAServiceThatStallsWithinALongList ends its answer, before its first record and after many.
func TestAServiceThatStallsWithinALongList(t *testing.T) {
	const stall = 300 * time.Millisecond
	for name, records := range map[string]int{"at first": 0, "within": 50_000} {
		t.Run(name, func(t *testing.T) {
			r := withEndpoints(t, ir.OnMissingDropRecord, "")
			r.proxy.stall = stall
			stop := make(chan struct{})
			defer close(stop)
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"customers":[`+strings.Repeat(`{"email":"anna@example.org"},`, records))
				_ = http.NewResponseController(w).Flush()
				<-stop
			}
			c, err := net.Dial("tcp", r.listen(service).String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(50 * stall))
			if _, err := io.WriteString(c, get("GET /v1/customers", "")); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, res.Body)
			if errors.Is(err, os.ErrDeadlineExceeded) || (res.StatusCode == http.StatusOK && err == nil) {
				t.Errorf("status %d, %v", res.StatusCode, err)
			}
		})
	}
}

// TestApplicationsThatReadALongListSlowlyOverHTTP2: a stream has no deadline that could be given again within a write, so what was gathered is
// written in pieces, and each has its time.
func TestApplicationsThatReadALongListSlowlyOverHTTP2(t *testing.T) {
	const stall = 2 * time.Second
	record := `{"email":"anna@example.org"},`
	body := `{"customers":[` + strings.Repeat(record, 2<<20/len(record)) + `{"email":"bert@example.org"}]}`
	for name, stalls := range map[string]bool{"steadily": false, "and then no more": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := withEndpoints(t, ir.OnMissingDropRecord, "")
			r.proxy.stall = stall
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, body)
			}
			transport := &http.Transport{Protocols: &http.Protocols{}, HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10}}
			transport.Protocols.SetUnencryptedHTTP2(true)
			defer transport.CloseIdleConnections()
			req, err := http.NewRequest(http.MethodGet, "http://"+r.listen(service).String()+"/v1/customers", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = "customers.crm"
			res, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			if stalls {
				time.Sleep(3 * stall)
				if _, err := io.Copy(io.Discard, res.Body); err == nil {
					t.Error("a part of the answer looks like the whole")
				}
				return
			}
			got := int64(0)
			for err == nil {
				var n int64
				n, err = io.CopyN(io.Discard, res.Body, 16<<10)
				if got += n; got < 512<<10 {
					time.Sleep(stall / 10) // the time of a stall for 160 KiB: more than one for what is gathered
				}
			}
			if want := int64(len(body) - len(`,{"email":"bert@example.org"}`)); !errors.Is(err, io.EOF) || got != want {
				t.Errorf("%d bytes of %d, %v", got, want, err)
			}
		})
	}
}
