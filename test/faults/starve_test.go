package faults

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/optup/optup/test/process"
)

// slowPeers is how many read slowly, and how many write slowly.
const slowPeers = 2000

// residentBound is what a sidecar may take with so many slow peers: a tenth of a MiB for each, which pays for buffers and stacks of two
// connections, and what it takes without them.
const residentBound = (2*slowPeers/10 + 64) << 20

// peer is an application that reads or writes a byte now and then.
type peer struct {
	request string
	writes  bool
	conn    net.Conn
}

// TestStarvedAmongSlowPeers: a sidecar with one core that it has to share, at the lowest priority, with bounded memory, among thousands
// of slow readers and writers. Others are served, nothing comes through, memory is bounded, and everything is given back.
func TestStarvedAmongSlowPeers(t *testing.T) {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil || files.Cur < 5*slowPeers {
		t.Fatalf("%d descriptors may be open, and %d are needed: raise ulimit -n", files.Cur, 5*slowPeers)
	}
	w := open(t, setting{alone: true, bound: time.Minute, env: []string{"GOMAXPROCS=1", "GOMEMLIMIT=192MiB"}})
	if err := w.sidecar.Confine(4 << 30); err != nil {
		t.Fatal(err)
	}
	before, err := w.sidecar.Descriptors()
	if err != nil {
		t.Fatal(err)
	}
	peers := w.slowPeers()
	stop := make(chan struct{})
	var driver sync.WaitGroup
	var ended atomic.Int64
	driver.Go(func() { ended.Store(drive(peers, stop)) })
	w.soon("every slow peer is connected", func() bool {
		n, err := w.sidecar.Descriptors()
		return err == nil && n >= before+2*slowPeers && w.shop.open.Load() >= 3*slowPeers/2-10
	})
	if err := w.sidecar.Nice(); err != nil {
		t.Fatal(err)
	}
	busy, err := process.Start(t.Context(), w.dir+"/busy.log", nil, "sh", "-c", "while :; do :; done")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Kill()
	for i := range 5 {
		began := time.Now()
		a := w.app()
		m := w.shop.market
		if got := a.send("d-news", fmt.Sprint("starved ", i), m.Refused[i], m.Permitted[i]); got.status != http.StatusAccepted {
			t.Errorf("after %v a mail: %v", time.Since(began), got)
		}
		if got := a.get("/v1/customers"); got.status != http.StatusOK || got.err != nil {
			t.Errorf("after %v a list: %v", time.Since(began), got)
		} else {
			w.whole(got, 0)
		}
		a.http.CloseIdleConnections()
	}
	close(stop)
	driver.Wait()
	if n := ended.Load(); n > 0 {
		t.Errorf("%d slow peers were cut although they went on", n)
	}
	for _, p := range peers {
		_ = p.conn.Close()
	}
	w.soon("all descriptors are given back", func() bool {
		n, err := w.sidecar.Descriptors()
		return err == nil && n <= before+140 && w.shop.open.Load() == 0 // connections to the service stay for the next request
	})
	w.shop.spared()
	most, err := w.sidecar.HighWater()
	if err != nil || most > residentBound {
		t.Errorf("%d MiB were resident, at most %d: %v", most>>20, residentBound>>20, err)
	}
	t.Logf("at most %d MiB were resident", most>>20)
	w.whole(w.app().get("/v1/customers"), 0)
}

// slowPeers connects those that read and those that write: what passes, and what is decided about.
func (w *world) slowPeers() []*peer {
	w.t.Helper()
	const head = " HTTP/1.1\r\nHost: service\r\n"
	refused := letter("d-news", "slow", w.shop.market.Refused...)
	download, visits := peer{request: "GET /v1/files/large" + head + "\r\n"}, peer{request: "GET /v1/visits" + head + "\r\n"}
	writes := []peer{
		{request: "POST /v1/files/large" + head + "Content-Length: 100000\r\n\r\n", writes: true},
		{request: fmt.Sprintf("POST /v3/mail/send%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", head, len(refused), refused[:1000]), writes: true},
	}
	dialer := net.Dialer{Timeout: 20 * time.Second, Control: smallSegments}
	out := make([]*peer, 2*slowPeers)
	var connecting sync.WaitGroup
	for from := range 8 {
		connecting.Go(func() {
			for i := from; i < len(out); i += 8 {
				p := writes[i/2%2]
				switch {
				case i%8 == 0:
					p = visits
				case i%2 == 0:
					p = download
				}
				out[i] = &p
				var err error
				if p.conn, err = dialer.Dial("tcp", w.base); err != nil {
					w.t.Error(err)
					p.conn, _ = net.Pipe()
					continue
				}
				_ = p.conn.(*net.TCPConn).SetReadBuffer(4 << 10)
				if _, err := io.WriteString(p.conn, p.request); err != nil {
					w.t.Error(err)
				}
			}
		})
	}
	connecting.Wait()
	w.t.Cleanup(func() {
		for _, p := range out {
			_ = p.conn.Close()
		}
	})
	return out
}

// drive lets each read or write a byte, one after the other, again and again. It gives how many were cut.
func drive(peers []*peer, stop chan struct{}) (ended int64) {
	cut := map[*peer]bool{}
	for {
		for i, p := range peers {
			if i%50 == 0 {
				select {
				case <-stop:
					return int64(len(cut))
				case <-time.After(100 * time.Millisecond):
				}
			}
			var b [1]byte
			var err error
			if p.writes {
				_, err = p.conn.Write([]byte("x"))
			} else {
				_ = p.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
				_, err = p.conn.Read(b[:])
			}
			if timeout, ok := err.(net.Error); err != nil && (!ok || !timeout.Timeout()) { //nolint:errorlint // as the connection gives it
				cut[p] = true
			}
		}
	}
}
