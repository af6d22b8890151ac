package load

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// order is what the client is to do: a line on its standard input.
type order struct {
	// Address of the proxy, Host for the header.
	Address, Host string
	// Rate in requests a second, for so many requests, over so many connections at most.
	Rate, Requests, Connections int
	// People that requests name in turn, from the First on.
	People, First int
	// About is the folder of the path that names the person.
	About string
	// Roots is a file with the authorities of the proxy (PEM): connections are over TLS. Fresh makes one for each request, one after the
	// other, whose session resumes that of the one before.
	Roots string
	Fresh bool
	// Path asks for one long answer instead, as fast as it comes.
	Path string
	// Ask has AuthZEN questions about so many people in each request; 0 for requests to the service.
	Ask int
}

// told is what came of it: a line on the standard output.
type told struct {
	// Latencies in nanoseconds, from when each request was due until its answer had been read.
	Latencies []int64
	// Busy counts requests that were due while every connection was in use; they waited, and that counts.
	Busy int
	// Resumed counts connections whose session resumed another.
	Resumed int
	// Bytes of a long answer, and how many nanoseconds they took.
	Bytes, Took int64
	Error       string `json:",omitempty"`
}

// Client is the process that sends: it carries out orders until its input ends. Connections stay open between orders to one address.
func Client(in io.Reader, out io.Writer) error {
	dec, enc := json.NewDecoder(in), json.NewEncoder(out)
	pools := map[string]*pool{}
	for {
		var o order
		if err := dec.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		var t told
		var err error
		switch {
		case o.Path != "":
			t, err = o.long()
		case o.Fresh:
			t, err = o.fresh()
		default:
			t, err = o.run(pools)
		}
		if err != nil {
			t.Error = err.Error()
		}
		if err := enc.Encode(t); err != nil {
			return err
		}
	}
}

// pool are the connections to one address. Those that wait for nothing are idle.
type pool struct {
	idle   chan *connection
	failed chan error
}

// connection is a kept connection. Its reader tells when an answer is complete.
type connection struct {
	net.Conn
	sent chan sent
}

// sent is a request on its way: when it was due, where its latency goes, and what its answer has to be.
type sent struct {
	due      time.Time
	latency  *int64
	answered func(*http.Response) error
}

func (o order) dial() (*pool, error) {
	p := &pool{idle: make(chan *connection, o.Connections), failed: make(chan error, o.Connections)}
	connect, err := o.connector()
	if err != nil {
		return nil, err
	}
	for range o.Connections {
		c, err := connect()
		if err != nil {
			return nil, err
		}
		one := &connection{Conn: c, sent: make(chan sent, 1)}
		go func() { p.failed <- one.read(p.idle) }()
		p.idle <- one
	}
	return p, nil
}

// take waits for a connection.
func (p *pool) take() (*connection, error) {
	select {
	case c := <-p.idle:
		return c, nil
	case err := <-p.failed:
		return nil, err
	case <-time.After(30 * time.Second):
		return nil, errors.New("no answer for half a minute")
	}
}

// run sends at a fixed rate, whatever becomes of the answers, and waits for the last of them.
func (o order) run(pools map[string]*pool) (told, error) {
	t := told{Latencies: make([]int64, o.Requests)}
	p := pools[o.Address]
	if p == nil {
		var err error
		if p, err = o.dial(); err != nil {
			return t, err
		}
		pools[o.Address] = p
	}
	err := o.pace(&t, p)
	var back []*connection
	for err == nil && len(back) < cap(p.idle) {
		var c *connection
		if c, err = p.take(); err == nil {
			back = append(back, c)
		}
	}
	for _, c := range back {
		p.idle <- c
	}
	if err != nil {
		delete(pools, o.Address)
	}
	return t, err
}

// pace keeps the time on a thread of its own, whose timers are exact.
func (o order) pace(t *told, p *pool) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return err
	}
	requests := o.requests()
	step := time.Second / time.Duration(o.Rate)
	begin := time.Now().Add(10 * time.Millisecond)
	for i := range o.Requests {
		due := begin.Add(time.Duration(i) * step)
		if wait := time.Until(due); wait > 0 {
			ts := unix.NsecToTimespec(wait.Nanoseconds())
			_ = unix.Nanosleep(&ts, nil)
		}
		var c *connection
		select {
		case c = <-p.idle:
		default:
			t.Busy++
			var err error
			if c, err = p.take(); err != nil {
				return err
			}
		}
		c.sent <- sent{due, &t.Latencies[i], o.answered}
		if _, err := c.Write(requests[i]); err != nil {
			return err
		}
	}
	return nil
}

func (o order) requests() [][]byte {
	out := make([][]byte, o.Requests)
	for i := range out {
		if o.Ask > 0 {
			out[i] = o.questions(o.First + i*o.Ask)
			continue
		}
		out[i] = fmt.Appendf(nil, "GET /v1/%s/%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: application/json\r\n\r\n",
			o.About, address((o.First+i)%o.People), o.Host)
	}
	return out
}

// read reads answers until one is none.
func (c *connection) read(idle chan<- *connection) error {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for s := range c.sent {
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		if err := s.answered(res); err != nil {
			return err
		}
		*s.latency = time.Since(s.due).Nanoseconds()
		idle <- c
	}
	return nil
}

// answered reads an answer, which is a whole one.
func (o order) answered(res *http.Response) error {
	if o.Ask > 0 {
		return o.decided(res)
	}
	n, err := io.Copy(io.Discard, res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || n < bodySize/2) {
		err = fmt.Errorf("an answer with status %d and %d bytes", res.StatusCode, n)
	}
	return err
}

// long reads one long answer.
func (o order) long() (told, error) {
	var t told
	c, err := net.Dial("tcp", o.Address)
	if err != nil {
		return t, err
	}
	defer func() { _ = c.Close() }()
	from := time.Now()
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: application/json\r\n\r\n", o.Path, o.Host); err != nil {
		return t, err
	}
	res, err := http.ReadResponse(bufio.NewReaderSize(c, 64<<10), nil)
	if err != nil {
		return t, err
	}
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 300))
		return t, fmt.Errorf("%s answers %s: %s", o.Path, res.Status, text)
	}
	t.Bytes, err = io.Copy(io.Discard, res.Body)
	t.Took = time.Since(from).Nanoseconds()
	return t, err
}

// client is the process from outside.
type client struct {
	*process
	in  *json.Encoder
	out *json.Decoder
}

// ask has an order carried out.
func (c *client) ask(o order) (told, error) {
	var t told
	if err := c.exchange(o, &t); err != nil {
		return t, err
	}
	if t.Error != "" {
		return t, errors.New(t.Error)
	}
	return t, nil
}

// exchange sends an order and reads what came of it.
func (c *client) exchange(order, told any) error {
	if err := c.in.Encode(order); err != nil {
		return c.failed("takes no orders: " + err.Error())
	}
	if err := c.out.Decode(told); err != nil {
		return c.failed("does not answer: " + err.Error())
	}
	return nil
}
