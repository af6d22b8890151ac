package spread

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/wire"
	"github.com/optup/optup/test/bench/people"
)

// pingEvery is how often a sidecar pings.
const pingEvery = 2 * time.Second

func (c *crowd) trust() (*tls.Config, error) {
	pem, err := os.ReadFile(filepath.Join(c.Folder, "tls.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("there is no certificate")
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: "localhost"}, nil
}

// purposes are those that everybody asks for.
func purposes() (out []consent.PurposeID) {
	for n := range people.Purposes {
		out = append(out, people.Purpose(n))
	}
	slices.Sort(out)
	return out
}

// light gives subscribers that read frames as a sidecar does, ping as it does, and keep no table. One sidecar is whole: it has the snapshot
// and a table. The others say that they hold what it holds and go on from there, as sidecars do that connect again; so not everybody is sent
// a million people first.
func (c *crowd) light(ctx context.Context) (func(ctx context.Context, i int, ready func()) error, error) {
	config, err := c.trust()
	if err != nil {
		return nil, err
	}
	if c.sidecar == nil {
		if c.sidecar, err = c.whole(); err != nil {
			return nil, err
		}
	}
	held, err := c.glance(ctx, config)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, i int, ready func()) error {
		conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", c.Address)
		if err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		defer stop()
		return c.follow(ctx, conn, i, held, ready)
	}, nil
}

// glance reads a snapshot once, and gives what somebody who has it holds.
func (c *crowd) glance(ctx context.Context, config *tls.Config) (wire.Held, error) {
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", c.Address)
	if err != nil {
		return wire.Held{}, err
	}
	defer func() { _ = conn.Close() }()
	frames, err := subscribe(conn, wire.Held{})
	if err != nil {
		return wire.Held{}, err
	}
	held := wire.Held{Resume: true}
	for {
		t, payload, err := frames.Next()
		if err != nil {
			return held, err
		}
		switch t {
		case wire.TypeHello:
			h, err := wire.Decode[wire.Hello](payload)
			if err != nil {
				return held, err
			}
			held.Epoch, held.KeyID, held.Purposes, held.Timed = h.Epoch, h.KeyID, h.Purposes, h.Timed
		case wire.TypeSnapshotEnd:
			at, err := wire.Decode[wire.At](payload)
			held.Position, held.Checkpoint = at.Position, at.Checkpoint
			return held, err
		default:
		}
	}
}

// subscribe asks for a stream both ways.
func subscribe(conn net.Conn, held wire.Held) (*wire.Reader, error) {
	var head strings.Builder
	head.WriteString("GET /v1/stream?version=2&version=3")
	for _, p := range purposes() {
		head.WriteString("&purpose=" + string(p))
	}
	head.WriteString(" HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: " + wire.Protocol + "\r\nAuthorization: Bearer " + token + "\r\n")
	if held.Resume {
		text, err := wire.EncodeHeld(held)
		if err != nil {
			return nil, err
		}
		head.WriteString(wire.HeldHeader + ": " + text + "\r\n")
	}
	head.WriteString("\r\n")
	if _, err := conn.Write([]byte(head.String())); err != nil {
		return nil, err
	}
	from := bufio.NewReaderSize(conn, 4<<10)
	line, err := from.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 101") {
		return nil, fmt.Errorf("the ledger answers %q, %w", line, err)
	}
	for line != "\r\n" {
		if line, err = from.ReadString('\n'); err != nil {
			return nil, err
		}
	}
	return wire.NewReader(from), nil
}

func (c *crowd) follow(ctx context.Context, conn net.Conn, i int, held wire.Held, ready func()) error {
	frames, err := subscribe(conn, held)
	if err != nil {
		return err
	}
	l := &lightOne{conn: conn, pinged: time.Now().Add(time.Duration(i) * pingEvery / time.Duration(c.Count))}
	go l.pings(ctx)
	for {
		t, payload, err := frames.Next()
		if err != nil {
			return err
		}
		switch t {
		case wire.TypeResumed, wire.TypeSnapshotEnd:
			if held.Resume && t != wire.TypeResumed {
				return errors.New("the ledger sends a snapshot to somebody who has it")
			}
			ready()
		case wire.TypeChange:
			n, ok := number(payload)
			if !ok {
				return errors.New("a change without a position")
			}
			if err := c.current.Load().came(i, n); err != nil {
				return err
			}
		default:
		}
	}
}

type lightOne struct {
	conn   net.Conn
	pinged time.Time
}

// pings asks for the head of the log, as often as a sidecar does.
func (l *lightOne) pings(ctx context.Context) {
	wait := time.NewTimer(time.Until(l.pinged))
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		raw, _ := wire.Append(nil, wire.TypePing, wire.Ping{Nonce: rand.Text(), AgeMillis: 1}) // it is small and sound
		if _, err := l.conn.Write(raw); err != nil {
			return
		}
		wait.Reset(pingEvery)
	}
}

// natsSubscriber speaks the protocol of NATS and no more of it than it takes, so that subscribers cost the same on both sides.
func (c *crowd) natsSubscriber(ctx context.Context, i int, ready func()) error {
	config, err := c.trust()
	if err != nil {
		return err
	}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", c.Address)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := conn.Write([]byte("CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB " + subject + " 1\r\nPING\r\n")); err != nil {
		return err
	}
	from := bufio.NewReaderSize(conn, 4<<10)
	var body []byte
	for {
		line, err := from.ReadSlice('\n')
		if err != nil {
			return err
		}
		switch {
		case bytes.HasPrefix(line, []byte("MSG ")):
			size, err := strconv.Atoi(string(bytes.TrimSpace(line[bytes.LastIndexByte(line, ' ')+1:])))
			if err != nil {
				return err
			}
			if cap(body) < size+2 {
				body = make([]byte, size+2)
			}
			if _, err := io.ReadFull(from, body[:size+2]); err != nil {
				return err
			}
			n, ok := number(body[:size])
			if !ok {
				return errors.New("a change without a position")
			}
			if err := c.current.Load().came(i, n); err != nil {
				return err
			}
		case bytes.HasPrefix(line, []byte("PONG")):
			ready()
		case bytes.HasPrefix(line, []byte("PING")):
			if _, err := conn.Write([]byte("PONG\r\n")); err != nil {
				return err
			}
		case bytes.HasPrefix(line, []byte("-ERR")):
			return fmt.Errorf("NATS: %s", line)
		}
	}
}

// listener is one connection to PostgreSQL that listens.
func (c *crowd) listener(ctx context.Context, i int, ready func()) error {
	conn, err := pgx.Connect(ctx, c.Address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN changes"); err != nil {
		return err
	}
	ready()
	for {
		note, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		n, ok := number([]byte(note.Payload))
		if !ok {
			return errors.New("a change without a position")
		}
		if err := c.current.Load().came(i, n); err != nil {
			return err
		}
	}
}
