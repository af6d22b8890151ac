package proxy

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// socket is a TCP connection whose reads and writes are system calls of which the scheduler is not told.
//
// Each time a process comes out of its sleep for a request and tells the scheduler of a system call, the scheduler's monitor is woken, which
// looks around every 20 microseconds until the process sleeps again. At the rates of a sidecar that took a fifth of all processor time. The
// scheduler is told of a call because it may block; those on a socket never do.
type socket struct {
	*net.TCPConn
	raw     syscall.RawConn
	in, out transfer
}

const (
	// mostAtOnce bounds what is read or written untold: copying it keeps a processor from the collector.
	mostAtOnce = 64 << 10
	// toldEach is after how many calls the scheduler is told of one. While there is always something to do, only the monitor has connections
	// looked at that wait, and interrupts who takes too long.
	toldEach = 128
)

// untold counts the calls of all connections.
var untold atomic.Uint32

// direct makes a socket of a plain TCP connection, and gives any other back.
func direct(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	s := &socket{TCPConn: tcp, raw: raw}
	s.in.step, s.out.step = s.in.read, s.out.write
	return s
}

// transfer is a read or a write that goes on.
type transfer struct {
	mu   sync.Mutex
	b    []byte
	n    int
	err  syscall.Errno
	step func(fd uintptr) bool
}

// read reads once there is something, and tells whether there was.
func (t *transfer) read(fd uintptr) bool {
	n, err := untoldCall(syscall.SYS_READ, fd, t.b)
	t.n, t.err = n, err
	return err != syscall.EAGAIN
}

// write writes on, and tells whether nothing is left to write.
func (t *transfer) write(fd uintptr) bool {
	for t.n < len(t.b) {
		n, err := untoldCall(syscall.SYS_WRITE, fd, t.b[t.n:])
		switch {
		case err == syscall.EAGAIN:
			return false
		case err != 0:
			t.err = err
			return true
		}
		t.n += n
	}
	return true
}

// begin gives what the connection is to call until it is content, waiting in between until the socket is ready or the deadline comes.
func (t *transfer) begin(b []byte) func(fd uintptr) bool {
	t.b, t.n, t.err = b, 0, 0
	return t.step
}

func (t *transfer) end(err error) (int, error) {
	t.b = nil
	if err == nil && t.err != 0 {
		err = t.err
	}
	return t.n, err
}

func fits(b []byte) bool {
	return len(b) > 0 && len(b) <= mostAtOnce && untold.Add(1)%toldEach != 0
}

// Read implements net.Conn.
func (s *socket) Read(b []byte) (int, error) {
	if !fits(b) {
		return s.TCPConn.Read(b)
	}
	t := &s.in
	t.mu.Lock()
	n, err := t.end(s.raw.Read(t.begin(b)))
	t.mu.Unlock()
	switch {
	case err != nil:
		return 0, s.failed("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write implements net.Conn.
func (s *socket) Write(b []byte) (int, error) {
	if !fits(b) {
		return s.TCPConn.Write(b)
	}
	t := &s.out
	t.mu.Lock()
	n, err := t.end(s.raw.Write(t.begin(b)))
	t.mu.Unlock()
	if err != nil {
		return n, s.failed("write", err)
	}
	return n, nil
}

// failed is the error as the connection itself gives it.
func (s *socket) failed(op string, err error) error {
	//nolint:errorlint // what is waited for gives an error of its own each time, and the call a number
	switch x := err.(type) {
	case *net.OpError:
		x.Op, x.Source, x.Addr = op, s.LocalAddr(), s.RemoteAddr()
		return x
	case syscall.Errno:
		err = os.NewSyscallError(op, x)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: err}
}
