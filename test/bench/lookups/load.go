package lookups

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// token that opens both servers on this machine.
const token = "token-of-a-benchmark-on-this-machine"

// serve serves a handler as the ledger does, on a port of the loopback interface, and gives its address.
func serve(s *http.Server) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() { _ = s.Serve(listener) }()
	return listener.Addr().String(), nil
}

// load is a client over kept connections, each of which asks again once it was answered. It does as little as it takes, because it shares
// the processor with whom it asks.
type load struct {
	conns    []*conn
	requests [][]byte
	next     atomic.Uint64
}

type conn struct {
	net.Conn
	in   *bufio.Reader
	body []byte
}

func dial(address string, n int, questions []string) (*load, error) {
	l := &load{}
	for _, body := range questions {
		l.requests = append(l.requests, fmt.Appendf(nil, "POST /v1/people/lookup HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", address, token, len(body), body))
	}
	for range n {
		c, err := net.Dial("tcp", address)
		if err != nil {
			l.close()
			return nil, err
		}
		l.conns = append(l.conns, &conn{Conn: c, in: bufio.NewReaderSize(c, 16<<10)})
	}
	return l, nil
}

func (l *load) close() {
	for _, c := range l.conns {
		_ = c.Close()
	}
}

// run asks so many questions and gives microseconds for one.
func (l *load) run(n int) (float64, error) {
	var left atomic.Int64
	left.Store(int64(n))
	var group errgroup.Group
	from := time.Now()
	for _, c := range l.conns {
		group.Go(func() error {
			for left.Add(-1) >= 0 {
				if _, err := c.ask(l.requests[l.next.Add(1)%uint64(len(l.requests))]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return float64(time.Since(from).Nanoseconds()) / 1000 / float64(n), err
}

// ask gives the body of an answer, until the next question. Both servers say how long it is, or send it in chunks.
func (c *conn) ask(request []byte) ([]byte, error) {
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
		return nil, fmt.Errorf("the answer is %q", line)
	}
	length, chunked := 0, false
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return nil, err
			}
		case "Transfer-Encoding":
			chunked = true
		}
	}
	c.body = c.body[:0]
	if !chunked {
		return c.take(length)
	}
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return nil, err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return nil, errors.New("a chunk without a length")
		}
		if _, err := c.take(int(size)); err != nil {
			return nil, err
		}
		if _, err := c.in.Discard(len("\r\n")); err != nil || size == 0 {
			return c.body, err
		}
	}
}

func (c *conn) take(n int) ([]byte, error) {
	from := len(c.body)
	c.body = append(c.body, make([]byte, n)...)
	_, err := io.ReadFull(c.in, c.body[from:])
	return c.body, err
}
