package proxy

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// sockets gives a socket and the plain connection at its other end.
func sockets(t *testing.T) (*socket, *net.TCPConn) {
	t.Helper()
	near, far := pair(t)
	s, ok := direct(near).(*socket)
	if !ok {
		t.Fatal("a TCP connection is no socket")
	}
	return s, far
}

// TestASocketPassesOnWhatItIsGiven with reads and writes of all lengths, against a peer that is slower at times.
func TestASocketPassesOnWhatItIsGiven(t *testing.T) {
	s, far := sockets(t)
	sent := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{7})
	_, _ = random.Read(sent)
	// What never comes back is no reason to wait for ever.
	if err := s.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(far, far) }()
	go func() {
		lengths := rand.New(rand.NewPCG(1, 2))
		for left := sent; len(left) > 0; {
			n := min(len(left), 1+lengths.IntN(2*mostAtOnce))
			if m, err := s.Write(left[:n]); err != nil || m != n {
				t.Errorf("%d of %d bytes were written: %v", m, n, err)
				_ = s.Close() // or whoever reads waits for the rest
				return
			}
			left = left[n:]
		}
	}()
	lengths := rand.New(rand.NewPCG(3, 4))
	got, b := make([]byte, 0, len(sent)), make([]byte, 2*mostAtOnce)
	for len(got) < len(sent) {
		n, err := s.Read(b[:1+lengths.IntN(len(b))])
		if err != nil || n == 0 {
			t.Fatalf("%d bytes, %v", n, err)
		}
		got = append(got, b[:n]...)
	}
	if !bytes.Equal(got, sent) {
		t.Error("other bytes came back")
	}
}

// TestASocketFailsAsAConnectionDoes, whichever of its two ways is taken.
func TestASocketFailsAsAConnectionDoes(t *testing.T) {
	read := func(c net.Conn) error { _, err := c.Read(make([]byte, 10)); return err }
	full := func(c net.Conn) error {
		for {
			if n, err := c.Write(make([]byte, 10_000)); err != nil {
				if n == 10_000 {
					return errors.New("it failed after all was written")
				}
				return err
			}
		}
	}
	for name, x := range map[string]struct {
		do   func(c net.Conn) error
		make func(near, far *net.TCPConn)
		like error
		op   string
	}{
		"a read after its deadline": {read, func(near, _ *net.TCPConn) { _ = near.SetReadDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded, "read"},
		"a read that waits":         {read, func(near, _ *net.TCPConn) { _ = near.SetReadDeadline(time.Now().Add(time.Millisecond)) }, os.ErrDeadlineExceeded, "read"},
		"a write that waits":        {full, func(near, _ *net.TCPConn) { _ = near.SetWriteDeadline(time.Now().Add(20 * time.Millisecond)) }, os.ErrDeadlineExceeded, "write"},
		"a read of a closed one":    {read, func(near, _ *net.TCPConn) { _ = near.Close() }, net.ErrClosed, "read"},
		"a write to a closed one":   {full, func(near, _ *net.TCPConn) { _ = near.Close() }, net.ErrClosed, "write"},
		"the end":                   {read, func(_, far *net.TCPConn) { _ = far.Close() }, io.EOF, ""},
		"a read of a broken one":    {read, func(_, far *net.TCPConn) { _, _ = far.SetLinger(0), far.Close() }, syscall.ECONNRESET, "read"},
		"a write to a broken one": {full, func(near, far *net.TCPConn) {
			_, _ = far.SetLinger(0), far.Close()
			_ = read(near) // it has come
		}, syscall.EPIPE, "write"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 4 {
				near, far := pair(t)
				x.make(near, far)
				err := x.do(direct(near))
				op := ""
				var told *net.OpError
				if errors.As(err, &told) {
					op = told.Op
				}
				if !errors.Is(err, x.like) || op != x.op {
					t.Errorf("%q: %v", op, err)
				}
				if late, ok := err.(net.Error); x.like == os.ErrDeadlineExceeded && (!ok || !late.Timeout()) { //nolint:errorlint // as net/http looks
					t.Errorf("%v is no timeout", err)
				}
			}
		})
	}
}

// TestASocketIsEndedFromElsewhere while it waits.
func TestASocketIsEndedFromElsewhere(t *testing.T) {
	for name, end := range map[string]func(*socket){
		"by its deadline": func(s *socket) { _ = s.SetReadDeadline(time.Unix(1, 0)) },
		"by a close":      func(s *socket) { _ = s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := sockets(t)
			ended := make(chan error)
			go func() {
				_, err := s.Read(make([]byte, 1))
				ended <- err
			}()
			end(s)
			select {
			case err := <-ended:
				if err == nil {
					t.Error("a read of nothing ended well")
				}
			case <-time.After(30 * time.Second):
				t.Fatal("a read waits on")
			}
		})
	}
}

// TestTheSchedulerIsToldNowAndThen, because only then others are looked after while one connection is never idle.
func TestTheSchedulerIsToldNowAndThen(t *testing.T) {
	b, told := make([]byte, 1), 0
	for range 10 * toldEach {
		if !fits(b) {
			told++
		}
	}
	if told != 10 {
		t.Errorf("of %d calls the scheduler is told of %d", 10*toldEach, told)
	}
	if fits(make([]byte, mostAtOnce+1)) || fits(nil) {
		t.Error("a call is not told of that takes long, or that has no room")
	}
}
