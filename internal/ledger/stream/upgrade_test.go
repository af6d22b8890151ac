package stream_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// TestASubscriberThatSendsNoPingsIsCut: what is critical, too large or of another log ends its stream, and only that.
func TestASubscriberThatSendsNoPingsIsCut(t *testing.T) {
	l := ledgertest.New(t).Start()
	other, _, _ := dial(t, l, nil, "newsletter")
	other.whole()
	for name, frame := range map[string]func(conn net.Conn){
		"a ping without a nonce":   func(conn net.Conn) { send(t, conn, wire.TypePing, wire.Ping{}) },
		"a ping with a long nonce": func(conn net.Conn) { send(t, conn, wire.TypePing, wire.Ping{Nonce: strings.Repeat("n", 129)}) },
		"a ping of another log":    func(conn net.Conn) { send(t, conn, wire.TypePing, wire.Ping{Nonce: "n", Epoch: "another"}) },
		"a ping of another shape":  func(conn net.Conn) { send(t, conn, wire.TypePing, []int{1}) },
		"a critical frame":         func(conn net.Conn) { send(t, conn, wire.Critical, nil) },
		"a large frame":            func(conn net.Conn) { send(t, conn, wire.Type(100), strings.Repeat("x", 4<<10)) },
		"a header of a huge frame": func(conn net.Conn) { _, _ = conn.Write([]byte{0xff, 0xff, 0xff, 0xff, byte(wire.TypePing)}) },
		"a request":                func(conn net.Conn) { _, _ = conn.Write([]byte("GET /v1/stream HTTP/1.1\r\nHost: ledger\r\n\r\n")) },
	} {
		t.Run(name, func(t *testing.T) {
			s, conn, _ := dial(t, l, nil, "newsletter")
			s.whole()
			frame(conn)
			if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			for {
				typ, _, err := s.frames.Next()
				if errors.Is(err, os.ErrDeadlineExceeded) || err == nil && typ != wire.TypeHeartbeat {
					t.Fatalf("the stream goes on: %d %v", typ, err)
				}
				if err != nil {
					return
				}
			}
		})
	}
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	next[wire.Change](other, wire.TypeChange)
}

// TestWhatCameEarlyIsRead: frames that were sent right behind the request.
func TestWhatCameEarlyIsRead(t *testing.T) {
	l := ledgertest.New(t).Start()
	raw, err := wire.Append(nil, wire.TypePing, wire.Ping{Nonce: "early"})
	if err != nil {
		t.Fatal(err)
	}
	status, from, _ := upgrade(t, l, "GET", "Connection: Upgrade\r\n", string(raw))
	s := &subscription{t: t, frames: wire.NewReader(from)}
	for status == http.StatusSwitchingProtocols {
		typ, payload, err := s.frames.Next()
		if err != nil {
			t.Fatal(err)
		}
		if typ == wire.TypePong {
			if p, err := wire.Decode[wire.Pong](payload); err != nil || p.Nonce != "early" {
				t.Fatalf("%+v %v", p, err)
			}
			return
		}
	}
	t.Fatalf("status %d", status)
}

// upgrade asks for a stream with a header of its own, sends something behind it and gives the status.
func upgrade(t *testing.T, l *ledgertest.Ledger, method, header, behind string) (int, *bufio.Reader, net.Conn) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(method + " /v1/stream?version=3 HTTP/1.1\r\nHost: ledger\r\nUpgrade: " + wire.Protocol +
		"\r\nAuthorization: Bearer " + l.Token(ledgertest.Sidecar, "pod-1", time.Hour) + "\r\n" + wire.GrantHeader + ": " +
		l.Grant(ledgertest.Sidecar, "pod-1", time.Hour, "newsletter") + "\r\n" + header + "\r\n" + behind)); err != nil {
		t.Fatal(err)
	}
	from := bufio.NewReader(conn)
	res, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, from, conn
}

// TestAConnectionIsTakenOverOnlyWhereThatWasAskedFor: for this very hop, and with nothing in between that might be taken for frames.
func TestAConnectionIsTakenOverOnlyWhereThatWasAskedFor(t *testing.T) {
	l := ledgertest.New(t).Start()
	for name, c := range map[string]struct {
		method, header, behind string
		want                   int
	}{
		"as it is due":          {"GET", "Connection: Upgrade\r\n", "", http.StatusSwitchingProtocols},
		"among others":          {"GET", "Connection: keep-alive, upgrade\r\n", "", http.StatusSwitchingProtocols},
		"passed on by a proxy":  {"GET", "", "", http.StatusOK},
		"for another option":    {"GET", "Connection: keep-alive\r\n", "", http.StatusOK},
		"with a body":           {"GET", "Connection: Upgrade\r\nContent-Length: 4\r\n", "body", http.StatusOK},
		"with a body in chunks": {"GET", "Connection: Upgrade\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", http.StatusOK},
		"without an answer":     {"HEAD", "Connection: Upgrade\r\n", "", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			if status, _, _ := upgrade(t, l, c.method, c.header, c.behind); status != c.want {
				t.Fatalf("status %d, want %d", status, c.want)
			}
		})
	}
}

// TestAConnectionThatWasTakenOverEndsWithItsGrant, though no request is left that would.
func TestAConnectionThatWasTakenOverEndsWithItsGrant(t *testing.T) {
	l := ledgertest.New(t).Start()
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("GET /v1/stream?version=3 HTTP/1.1\r\nHost: ledger\r\nConnection: Upgrade\r\nUpgrade: " + wire.Protocol +
		"\r\nAuthorization: Bearer " + l.Token(ledgertest.Sidecar, "pod-1", time.Hour) + "\r\n" + wire.GrantHeader + ": " +
		l.Grant(ledgertest.Sidecar, "pod-1", 2*time.Second, "newsletter") + "\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(conn)
	if !strings.HasPrefix(string(raw), "HTTP/1.1 101 ") || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the stream outlived its grant: %d bytes, %v", len(raw), err)
	}
}

// TestStoppingEndsConnectionsThatWereTakenOver: the HTTP server waits for none of them.
func TestStoppingEndsConnectionsThatWereTakenOver(t *testing.T) {
	l := ledgertest.New(t).Start()
	s, conn, _ := dial(t, l, nil, "newsletter")
	s.whole()
	l.Hub.Close()
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.frames.Next(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the connection stays: %v", err)
	}
}

// TestAPartOfACommitComesWithItsProof: whoever saw the first change of several can show the checkpoint of all of them.
func TestAPartOfACommitComesWithItsProof(t *testing.T) {
	l := ledgertest.New(t).Start()
	s, conn, _ := dial(t, l, nil, "newsletter")
	held := s.whole()
	tags, err := l.Keys.Tags(ledgertest.Email("ada@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	var commit []store.Append
	for _, purpose := range []consent.PurposeID{"newsletter", "survey", "profiling"} {
		commit = append(commit, store.Append{Identities: []store.Identity{{Tags: tags, Type: consent.IdentifierEmail, Plain: true}}, Event: ledgertest.Given(purpose)})
	}
	if _, errs, err := l.Store.Append(t.Context(), commit...); err != nil || errors.Join(errs...) != nil {
		t.Fatal(errs, err)
	}
	first := next[wire.Change](s, wire.TypeChange)
	if first.Position != 1 || first.Checkpoint == "" || first.Covers != 3 {
		t.Fatalf("%+v", first)
	}
	for at := consent.Position(2); at <= 3; at++ {
		if c := next[wire.Change](s, wire.TypeChange); c.Position != at || c.Checkpoint != "" || c.Covers != 0 {
			t.Fatalf("%+v", c)
		}
	}
	send(t, conn, wire.TypePing, wire.Ping{Nonce: "n", Epoch: held.Epoch, Position: 1, Checkpoint: first.Checkpoint})
	if p := next[wire.Pong](s, wire.TypePong); p.Proven != 3 {
		t.Fatalf("proven %d", p.Proven)
	}
	l.Append("bob@example.org", ledgertest.Given("newsletter"))
	if c := next[wire.Change](s, wire.TypeChange); c.Position != 4 || c.Checkpoint == "" || c.Covers != 0 {
		t.Fatalf("%+v", c)
	}
}

// TestAnotherLogEndsAllStreams, also those of who did not ask.
func TestAnotherLogEndsAllStreams(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	over, conn, _ := dial(t, l, nil, "newsletter")
	held := over.whole()
	beside := subscribe(t, l, time.Hour, "newsletter")
	beside.begin()
	if _, err := l.Store.Adopt(t.Context(), held.Epoch); err != nil {
		t.Fatal(err)
	}
	if status, body := l.Do(ledgertest.Reader, "POST", "/v1/ping", `{"nonce":"n"}`); status != http.StatusOK {
		t.Fatal(status, body)
	}
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(30*time.Second, beside.close).Stop()
	for _, s := range []*subscription{over, beside} {
		start := time.Now()
		for {
			typ, _, err := s.frames.Next()
			if err == nil && typ == wire.TypeHeartbeat {
				continue
			}
			if err == nil || time.Since(start) > 20*time.Second {
				t.Fatalf("the stream goes on: %d %v", typ, err)
			}
			break
		}
	}
	// What was held of the old log is of no use any more.
	s, _, _ := dial(t, l, &held, "newsletter")
	if s.whole().Epoch == held.Epoch {
		t.Fatal("the log has its old name")
	}
}

// TestAContradictedLedgerTellsNobodyAnything: whoever shows the checkpoint of what it forgot stops it for all, by a ping or as a stream begins,
// until the log is adopted.
func TestAContradictedLedgerTellsNobodyAnything(t *testing.T) {
	for name, show := range map[string]func(t *testing.T, l *ledgertest.Ledger, held wire.Held){
		"a stream begins": func(t *testing.T, l *ledgertest.Ledger, held wire.Held) {
			if _, _, status := dial(t, l, &held, "newsletter"); status != http.StatusServiceUnavailable {
				t.Fatalf("status %d", status)
			}
		},
		"a ping": func(t *testing.T, l *ledgertest.Ledger, held wire.Held) {
			body, err := json.Marshal(wire.Ping{Nonce: "n", Checkpoint: held.Checkpoint})
			if err != nil {
				t.Fatal(err)
			}
			if status, answer := l.Do(ledgertest.Reader, "POST", "/v1/ping", string(body)); status != http.StatusServiceUnavailable {
				t.Fatal(status, answer)
			}
		},
		"a ping over the stream": func(t *testing.T, l *ledgertest.Ledger, held wire.Held) {
			s, conn, _ := dial(t, l, nil, "newsletter")
			s.whole()
			send(t, conn, wire.TypePing, wire.Ping{Nonce: "n", Epoch: held.Epoch, Checkpoint: held.Checkpoint})
			for typ, _, err := s.frames.Next(); err == nil; typ, _, err = s.frames.Next() {
				if typ == wire.TypePong {
					t.Fatal("it was answered")
				}
			}
		},
	} {
		for grown := range 2 {
			t.Run(fmt.Sprint(name, ", grown by ", grown), func(t *testing.T) {
				l := ledgertest.New(t).Start()
				l.Append("ada@example.org", ledgertest.Given("newsletter"))
				l.Stop()
				backup := l.Backup()
				l.Start()
				l.Append("ada@example.org", ledgertest.Withdrawn("newsletter"))
				s, _, _ := dial(t, l, nil, "newsletter")
				held := s.whole()
				l.Stop()
				l.Restore(backup)
				l.Start()
				for range grown {
					l.Append("bob@example.org", ledgertest.Given("newsletter"))
				}
				other, conn, _ := dial(t, l, nil, "newsletter")
				other.whole()
				show(t, l, held)
				if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
					t.Fatal(err)
				}
				for typ, _, err := other.frames.Next(); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET); typ, _, err = other.frames.Next() {
					if typ != wire.TypeHeartbeat || err != nil {
						t.Fatalf("another stream goes on: %d %v", typ, err)
					}
				}
				if status, answer := l.Do(ledgertest.Reader, "POST", "/v1/ping", `{"nonce":"n"}`); status != http.StatusServiceUnavailable {
					t.Fatal("who shows nothing is told the head", status, answer)
				}
				if _, _, status := dial(t, l, nil, "newsletter"); status != http.StatusServiceUnavailable {
					t.Fatalf("who holds nothing is told about people: status %d", status)
				}
				if _, err := l.Store.Adopt(t.Context(), held.Epoch); err != nil {
					t.Fatal(err)
				}
				if s, _, status := dial(t, l, &held, "newsletter"); status != http.StatusSwitchingProtocols || s.whole().Epoch == held.Epoch {
					t.Fatalf("status %d after the log was adopted", status)
				}
			})
		}
	}
}
